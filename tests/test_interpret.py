"""interpret and forward: against captum and scikit-learn, and against what can be counted on paper."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from captum.attr import LayerAttribution, LayerGradCam, Occlusion, Saliency
from sklearn.decomposition import PCA
from torch import Tensor, nn

from digitlab import forward, interpret
from digitlab.data import load_sample, normalize
from digitlab.models import create_model, list_models

IMAGES = normalize(load_sample("test").images[:3])
TARGETS = torch.tensor([3, 0, 7])
Target = Tensor | int | None
BLANK = normalize(torch.zeros(1, 28, 28, dtype=torch.uint8)).unique().item()
each_model = pytest.mark.parametrize("name", list_models())
each_target = pytest.mark.parametrize("targets", [None, 5, TARGETS])


def make(name: str) -> nn.Module:
    """A model with random weights, and with statistics that make a difference between `train` and `eval`."""
    torch.manual_seed(0)
    model = create_model(name)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.2, 2.0)
    return model.train()


def classes_of(model: nn.Module, targets: Target) -> Tensor | int:
    return model(IMAGES).argmax(dim=1) if targets is None else targets


def assert_agree(ours: Tensor, theirs: Tensor) -> None:
    """To 1e-4, absolutely and relative to the largest value (random networks have small gradients)."""
    assert ours.shape == theirs.shape
    assert theirs.abs().max() > 0
    assert (ours - theirs).abs().max() < 1e-4 * min(1.0, theirs.abs().max().item())


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor], **parts: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, images: Tensor) -> Tensor:
        return self.function(images)


@each_model
@each_target
@pytest.mark.parametrize("signed", [False, True])
def test_saliency_is_captums(name: str, targets: Target, signed: bool) -> None:
    model, images = make(name).eval(), IMAGES.clone().requires_grad_()
    theirs = Saliency(model).attribute(images, classes_of(model, targets), abs=not signed)
    assert_agree(interpret.saliency(make(name), IMAGES, targets, signed=signed), theirs.squeeze(1))


@pytest.mark.parametrize(
    ("name", "size", "stride", "fill", "targets"),
    [
        ("cnn", 6, 4, 1.5, TARGETS),
        ("cnn", 1, 1, BLANK, 2),
        ("cnn", 28, 5, 0.0, TARGETS),
        ("lenet5", 9, 9, 0.0, None),
        ("deep", 5, 4, BLANK, TARGETS),
    ],
)
def test_occlusion_is_captums(name: str, size: int, stride: int, fill: float, targets: Target) -> None:
    model, window = make(name).eval(), (1, size, size)
    options: Any = {"sliding_window_shapes": window, "strides": (1, stride, stride), "baselines": fill}
    theirs = Occlusion(model).attribute(IMAGES, target=classes_of(model, targets), **options)
    filled = {} if fill == BLANK else {"fill": fill}  # blank paper is the default
    ours = interpret.occlusion(make(name), IMAGES, targets, size=size, stride=stride, **filled)
    assert_agree(ours, theirs.squeeze(1))


@each_target
@pytest.mark.parametrize(
    ("name", "layer"),
    [*((name, None) for name in list_models()), ("cnn", "conv1"), ("deep", "conv1.0"), ("deep", "pair3")],
)
def test_grad_cam_is_captums(name: str, layer: str | None, targets: Target) -> None:
    if name in ("small", "tiny") and isinstance(targets, int):
        targets = 3  # nothing speaks for a five in these random networks: the map would be empty
    model = make(name).eval()
    front = Call(lambda images: model.forward_features(images) * 1.0)
    halves = nn.Sequential(front, Call(model.forward_head))
    captum = LayerGradCam(model, model.get_submodule(layer)) if layer else LayerGradCam(halves, front)
    theirs = captum.attribute(IMAGES, classes_of(model, targets), relu_attributions=True)
    if name == "mlp":  # a vector: one number an image
        theirs = theirs[:, :, None, None]
    large = LayerAttribution.interpolate(theirs, (28, 28), "bilinear")
    assert_agree(interpret.grad_cam(make(name), IMAGES, targets, layer, upsample=False), theirs.squeeze(1))
    assert_agree(interpret.grad_cam(make(name), IMAGES, targets, layer), large.squeeze(1))


@pytest.mark.parametrize(("name", "layer"), [("mlp", None), ("cnn", "fc1")])
def test_a_dense_network_has_no_places_to_point_at(name: str, layer: str | None) -> None:
    heat = interpret.grad_cam(make(name), IMAGES, layer=layer)
    assert torch.equal(heat, heat[:, :1, :1].expand(3, 28, 28))


@each_model
def test_first_filters(name: str) -> None:
    model = make(name)
    filters, weight = interpret.first_filters(model), next(model.parameters())
    assert torch.equal(filters, weight.view_as(filters)) and filters.shape[1] == filters.shape[2]
    filters.zero_()
    assert weight.any()  # it was a copy


def test_what_is_kept_is_a_copy_that_no_layer_overwrites() -> None:
    view, images = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), IMAGES.clone()
    forward.feature_maps(view, images, "0").zero_()  # Flatten returns a view of the images
    forward.walk(view, images)[0].output.zero_()
    assert torch.equal(images, IMAGES)

    torch.manual_seed(0)
    head = [nn.Conv2d(4, 8, 5), nn.Flatten(), nn.Linear(3200, 10)]
    model = nn.Sequential(nn.Conv2d(1, 4, 5), nn.ReLU(inplace=True), *head)
    expected = model[0](IMAGES).detach()
    assert torch.equal(forward.feature_maps(model, IMAGES, "0"), expected)
    steps = forward.walk(model, IMAGES)
    assert [step.name for step in steps] == ["input", "0", "1", "2", "3", "4"]
    assert torch.equal(steps[1].output, expected) and torch.equal(steps[2].output, expected.relu())
    plain = nn.Sequential(model[0], nn.ReLU(), *head)
    ours = interpret.grad_cam(model, IMAGES, TARGETS, layer="0")
    assert ours.any() and torch.equal(ours, interpret.grad_cam(plain, IMAGES, TARGETS, layer="0"))


@each_model
def test_walk_goes_from_images_to_logits_past_the_feature_maps(name: str) -> None:
    model, plain, kept = make(name), make(name).eval(), {}
    for layer, module in plain.named_modules():
        module.register_forward_hook(lambda *args, layer=layer: kept.update({layer: args[-1]}))
    logits = plain(IMAGES)
    steps = {step.name: step.output for step in forward.walk(model, IMAGES)}
    assert torch.equal(steps["input"], IMAGES) and torch.equal([*steps.values()][-1], logits)
    for layer in steps.keys() & kept.keys():
        assert torch.equal(steps[layer], kept[layer]), layer
        assert torch.equal(forward.feature_maps(model, IMAGES, layer), kept[layer]), layer


def test_walk_leaves_out_what_does_nothing_and_only_that() -> None:
    def forward_pass(x: Tensor) -> Tensor:
        x = odd.relu_1(F.relu(F.relu(x)))
        x = F.dropout(odd.drop(odd.input(x)))  # the classic mistake: this one is always on
        return (odd.fc(x) + 1).view(-1, 10)

    parts = {"relu_1": nn.Identity(), "input": nn.Flatten(), "drop": nn.Dropout(), "fc": nn.Linear(784, 10)}
    odd = Call(forward_pass, **parts)
    names = [step.name for step in forward.walk(odd, IMAGES)]
    assert names == ["input", "relu", "relu_1", "input_1", "dropout", "fc", "add", "view"]


def test_a_model_that_cannot_be_followed() -> None:
    branching = Call(lambda images: images.flatten(1)[:, :10] if images.sum() > 0 else images[:, 0, 0])
    with pytest.raises(ValueError, match=r"^model: torch\.fx cannot follow its forward pass \(.*\)$"):
        forward.walk(branching, IMAGES)
    assert interpret.saliency(branching, IMAGES, signed=True).sum() == 3  # what needs no tracing still works


GAPS = nn.Sequential(nn.Conv2d(1, 3, kernel_size=3, padding=8, dilation=2))
nn.init.zeros_(GAPS[0].weight)  # a weight of zero still looks: zero times NaN is NaN


@pytest.mark.parametrize(
    ("model", "layer", "unit", "seen"),
    [
        ("cnn", "conv1", (0, 23), (0, 23, 5, 28)),
        ("cnn", "relu", (6, 11), (12, 22, 18, 28)),  # after pooling
        ("cnn", "max_pool2d_1", (2, 0), (8, 0, 24, 16)),
        ("lenet5", "conv2", (5, 0), (8, 0, 22, 12)),  # of 14 columns the padding hides two
        ("fast", "max_pool2d", (2, 3), (10, 14, 21, 25)),  # past the margin that is cut off
        ("deep", "pair2.1", (7, 0), (9, 0, 21, 7)),
        ("deep", "pair3", (0, 6), (0, 11, 17, 28)),
        ("deep", "mean", (0, 0), (0, 0, 28, 28)),
        (GAPS, "0", (0, 20), (0, 0, 0, 0)),  # nothing but padding
        (GAPS, "0", (6, 20), (0, 12, 3, 17)),
        (Call(lambda images: torch.cat([images, images.flip(3)], 1)), "cat", (4, 3), (4, 3, 5, 25)),
    ],
)
def test_receptive_fields(model: Any, layer: str, unit: tuple[int, int], seen: tuple[int, ...]) -> None:
    model = make(model) if isinstance(model, str) else model
    assert forward.receptive_field(model, layer, unit) == seen


@each_model
def test_embedding_is_scikit_learns_pca(name: str) -> None:
    images = normalize(load_sample("test").images[:300])  # more than one batch
    model = make(name).eval()
    with torch.no_grad():
        vectors = model.forward_head(model.forward_features(images), pre_logits=True)
    ours = interpret.embedding(make(name), images, n_components=3)
    theirs = torch.from_numpy(PCA(3, svd_solver="full").fit_transform(vectors.double().numpy())).float()
    assert ours.shape == (300, 3)
    signs = (ours * theirs).sum(dim=0).sign()
    assert (ours - signs * theirs).abs().max() < 1e-3 * theirs.abs().max()


def test_mirrored_vectors_have_mirrored_points() -> None:
    model, generator = make("softmax"), torch.Generator().manual_seed(0)
    for images in torch.randn(8, 40, 1, 28, 28, generator=generator):
        mirrored = interpret.embedding(model, -images)  # each direction has one sign, whatever the data
        torch.testing.assert_close(mirrored, -interpret.embedding(model, images), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("frozen", [False, True])
def test_works_where_gradients_are_off(mode: Callable[[], torch.no_grad], frozen: bool) -> None:
    model = make("cnn").requires_grad_(not frozen)
    of_layer = [partial(call, layer="conv2") for call in (forward.feature_maps, interpret.grad_cam)]
    for call in (interpret.saliency, interpret.grad_cam, *of_layer):
        with mode():
            result = call(model, IMAGES * 1)
        assert torch.equal(result, call(CNN, IMAGES)), call


def test_model_is_put_back_after_an_error() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Linear(3, 10))
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        forward.feature_maps(model, IMAGES, "0")
    assert model.training and model[0].training and not model[0]._forward_hooks


CNN = make("cnn")
BROKEN = make("cnn")
nn.init.constant_(BROKEN.fc1.weight, math.nan)
CONV3 = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Linear(784, 10))
TWICE = Call(lambda images: TWICE.conv(TWICE.conv(images)), conv=nn.Conv2d(1, 1, 3, padding=1), unused=CONV3)
LSTM = Call(lambda images: LSTM.lstm(images[:, 0])[0], lstm=nn.LSTM(28, 5))
ROWS = nn.Sequential(nn.Flatten(2), nn.Flatten(1), nn.Linear(784, 10))


@pytest.mark.parametrize("function", [interpret.saliency, interpret.occlusion, interpret.grad_cam])
@pytest.mark.parametrize("targets", [10, -1, 2**70, True, torch.tensor([0, 1, 10]), torch.tensor(-1)])
def test_wrong_targets(function: Callable[..., Tensor], targets: Tensor | int) -> None:
    with pytest.raises(ValueError, match=r"^targets: expected 0 to 9, got .{1,40}$"):
        function(CNN, IMAGES, targets)


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (forward.feature_maps, (CNN, IMAGES, "conv_1"), "unknown layer 'conv_1': did you mean 'conv1'"),
        (forward.feature_maps, (CNN, IMAGES, ""), "'': choose from conv1, conv2, conv2_drop, fc1, fc2$"),
        (forward.feature_maps, (TWICE, IMAGES, "conv"), "layer 'conv': expected it to run once, got 2 runs"),
        (forward.feature_maps, (TWICE, IMAGES, "unused"), "expected it to run once, got 0 runs"),
        (forward.feature_maps, (LSTM, IMAGES, "lstm"), "expected it to return a tensor, got tuple"),
        (forward.walk, (CNN, IMAGES.double()), "expected torch.float32 on cpu .* got torch.float64 on cpu"),
        (forward.receptive_field, (CNN, "max_pool", (0, 0)), "'max_pool': did you mean 'max_pool2d'"),
        (forward.receptive_field, (CNN, "conv1", (24, 0)), "unit: expected one of 24 rows and 24 columns"),
        (forward.receptive_field, (CNN, "conv1", (0, -1)), r"in 'conv1', got \(0, -1\)"),
        (interpret.grad_cam, (ROWS, IMAGES, None, "0"), r"layer: expected maps .*, got \(3, 1, 784\)"),
        (interpret.grad_cam, (TWICE, IMAGES), "model: expected forward_features and forward_head, got Call"),
        (interpret.saliency, (TWICE, IMAGES), r"model: expected .* logits \(B, 10\), got \(3, 1"),
        (interpret.occlusion, (CNN, IMAGES, None, 29), "size: expected 1 to 28, got 29"),
        (interpret.occlusion, (CNN, IMAGES, None, 5, 6), "stride: expected 1 to 5, got 6"),
        (interpret.occlusion, (CNN, IMAGES, None, 5, 1, math.inf), "fill: expected a finite number, got inf"),
        (interpret.embedding, (CNN, IMAGES, 4), "n_components: expected 1 to 3, got 4"),
        (interpret.embedding, (BROKEN, IMAGES), "expected finite vectors"),
        (interpret.first_filters, (CONV3,), "model: expected a first layer .* got Conv2d"),
        (interpret.first_filters, (nn.Linear(100, 10),), "model: expected a first layer .* got Linear"),
    ],
)
def test_wrong_arguments(function: Callable[..., object], arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        function(*arguments)
