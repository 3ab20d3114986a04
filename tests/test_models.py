import pytest
import torch
import torch.nn.functional as F
from torch import nn

from digitlab.models import CNN, DigitModel, create_model, list_models

PARAMETERS = {
    "cnn": 21840,
    "softmax": 7850,
    "mlp": 101770,
    "lenet5": 61706,
    "fast": 72058,
    "deep": 209674,
    "small": 7866,
    "tiny": 1953,
}


class TutorialCNN(nn.Module):
    """The network that the course grew from, written out from its description: returns log-probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.conv2_drop = nn.Dropout2d()
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2_drop(self.conv2(x)), 2))
        x = F.relu(self.fc1(x.view(-1, 320)))
        return F.log_softmax(self.fc2(F.dropout(x, training=self.training)), dim=1)


@pytest.fixture(params=list_models())
def model(request: pytest.FixtureRequest) -> DigitModel:
    torch.manual_seed(0)
    return create_model(request.param)


def test_every_model_is_listed_with_its_number_of_parameters() -> None:
    models = {name: create_model(name) for name in list_models()}
    assert {name: sum(each.numel() for each in models[name].parameters()) for name in models} == PARAMETERS


def test_logits_in_two_halves(model: DigitModel) -> None:
    model.eval()
    images = torch.randn(3, 1, 28, 28)
    logits = model(images)
    assert logits.shape == (3, 10)
    features = model.forward_features(images)
    assert features.ndim in (2, 4)
    assert torch.equal(model.forward_head(features), logits)
    vectors = model.forward_head(features, pre_logits=True)
    assert vectors.ndim == 2
    last_layer = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    assert torch.allclose(last_layer(vectors), logits)


def test_every_parameter_gets_a_gradient(model: DigitModel) -> None:
    F.cross_entropy(model(torch.randn(8, 1, 28, 28)), torch.arange(8)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_images_do_not_influence_each_other_when_evaluating(model: DigitModel) -> None:
    images = torch.randn(6, 1, 28, 28)
    one_by_one = torch.cat([model.eval()(image[None]) for image in images])
    assert torch.allclose(model(images), one_by_one, atol=1e-5)


@pytest.mark.parametrize("training", [False, True])
def test_cnn_is_the_tutorials_network(training: bool) -> None:
    """Same names, same weights, same dropout: its log-probabilities are the log-softmax of our logits."""
    ours, theirs = CNN().train(training), TutorialCNN().train(training)
    assert [name for name, _ in ours.named_children()] == ["conv1", "conv2", "conv2_drop", "fc1", "fc2"]
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(5, 1, 28, 28)
    torch.manual_seed(1)
    logits = ours(images)
    torch.manual_seed(1)
    expected = theirs(images)
    assert torch.allclose(logits.log_softmax(dim=1), expected, atol=1e-6)
    assert not torch.allclose(logits, expected, atol=1e-2), "the model must return logits"


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="unknown model 'cnm': did you mean 'cnn'"):
        create_model("cnm")
    for dropout in (-0.1, 1.1):
        with pytest.raises(ValueError, match=f"dropout: expected 0 to 1, got {dropout}"):
            CNN(dropout)


def test_dropout_can_be_set() -> None:
    model, images = create_model("cnn", dropout=0.0), torch.rand(4, 1, 28, 28)
    assert torch.equal(model.train()(images), model.eval()(images))
    assert not torch.equal(CNN()(images), CNN()(images))
