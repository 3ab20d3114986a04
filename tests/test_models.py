import pytest
import torch
import torch.nn.functional as F
from torch import nn

from digitlab.models import CNN, create_model, list_models

SIZES = [21840, 7850, 101770, 61706, 72058, 209674, 7866, 1953]


@pytest.mark.parametrize(("name", "size"), [*zip(list_models(), SIZES, strict=True)])
def test_a_model_has_its_size_two_halves_and_no_idle_part(name: str, size: int) -> None:
    torch.manual_seed(0)
    model, images = create_model(name), torch.randn(8, 1, 28, 28)
    assert sum(parameter.numel() for parameter in model.parameters()) == size
    F.cross_entropy(model(images), torch.arange(8)).backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, parameter_name

    logits = model.eval()(images)
    one_by_one = torch.cat([model(image[None]) for image in images])
    assert logits.shape == (8, 10)
    assert torch.allclose(logits, one_by_one, atol=1e-5), "images influence each other"
    features = model.forward_features(images)
    vectors = model.forward_head(features, pre_logits=True)
    assert (features.ndim in (2, 4), vectors.ndim) == (True, 2)
    assert torch.equal(model.forward_head(features), logits)
    last_layer = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    assert torch.allclose(last_layer(vectors), logits)


@pytest.mark.parametrize("training", [False, True])
def test_cnn_is_the_tutorials_network(training: bool) -> None:
    """Written out from its description: its log-probabilities are the log-softmax of our logits."""
    first = (nn.Conv2d(1, 10, 5), nn.MaxPool2d(2), nn.ReLU())
    second = (nn.Conv2d(10, 20, 5), nn.Dropout2d(), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten())
    last = (nn.Linear(320, 50), nn.ReLU(), nn.Dropout(), nn.Linear(50, 10), nn.LogSoftmax(dim=1))
    ours, theirs = CNN().train(training), nn.Sequential(*first, *second, *last).train(training)
    assert [name for name, _ in ours.named_children()] == ["conv1", "conv2", "conv2_drop", "fc1", "fc2"]
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    images = torch.randn(5, 1, 28, 28)
    torch.manual_seed(1)
    logits = ours(images)
    torch.manual_seed(1)
    expected = theirs(images)
    assert torch.allclose(logits.log_softmax(dim=1), expected, atol=1e-6)
    assert not torch.allclose(logits, expected, atol=1e-2), "the model must return logits"


def test_dropout_can_be_set_from_none_to_all() -> None:
    model, images = create_model("cnn", dropout=0.0), torch.rand(4, 1, 28, 28)
    assert torch.equal(model.train()(images), model.eval()(images))
    for dropout in (-0.1, 1.1):
        with pytest.raises(ValueError, match=f"dropout: expected 0 to 1, got {dropout}"):
            CNN(dropout)
