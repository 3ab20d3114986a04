"""interpret and forward: against captum, scikit-learn, finite differences and closed forms."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
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


def oracle(name: str) -> nn.Module:
    return make(name).eval()


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
    model, images = oracle(name), IMAGES.clone().requires_grad_()
    theirs = Saliency(model).attribute(images, classes_of(model, targets), abs=not signed)
    assert_agree(interpret.saliency(make(name), IMAGES, targets, signed=signed), theirs.squeeze(1))


@pytest.mark.parametrize("name", ["cnn", "deep"])
def test_saliency_by_finite_differences(name: str) -> None:
    model = oracle(name).double()
    image = torch.randn(1, 1, 28, 28, dtype=torch.float64)  # noise: no two pixels tie in a max-pool
    step = 1e-6 * torch.eye(784, dtype=torch.float64)[::29].view(-1, 1, 28, 28)
    with torch.no_grad():
        slopes = (model(image + step) - model(image - step))[:, 5] / 2e-6
    gradient = interpret.saliency(model, image, targets=5, signed=True)
    torch.testing.assert_close(gradient.flatten()[::29], slopes, atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "size", "stride", "fill", "targets"),
    [
        ("cnn", 6, 4, 1.5, TARGETS),
        ("cnn", 1, 1, interpret.BACKGROUND, 2),
        ("cnn", 28, 5, 0.0, TARGETS),
        ("lenet5", 9, 9, 0.0, None),
        ("deep", 5, 4, interpret.BACKGROUND, TARGETS),
        ("mlp", 4, 3, interpret.BACKGROUND, None),
    ],
)
def test_occlusion_is_captums(name: str, size: int, stride: int, fill: float, targets: Target) -> None:
    model = oracle(name)
    options: Any = {
        "sliding_window_shapes": (1, size, size),
        "strides": (1, stride, stride),
        "baselines": fill,
    }
    theirs = Occlusion(model).attribute(IMAGES, target=classes_of(model, targets), **options)
    ours = interpret.occlusion(make(name), IMAGES, targets, size=size, stride=stride, fill=fill)
    assert_agree(ours, theirs.squeeze(1))


def test_the_background_is_blank_paper() -> None:
    blank = normalize(torch.zeros(1, 28, 28, dtype=torch.uint8))
    torch.testing.assert_close(blank, torch.full((1, 1, 28, 28), interpret.BACKGROUND))


def captum_grad_cam(model: nn.Module, layer: nn.Module, targets: Target) -> Tensor:
    return LayerGradCam(model, layer).attribute(IMAGES, classes_of(model, targets), relu_attributions=True)


@each_model
@each_target
def test_grad_cam_is_captums(name: str, targets: Target) -> None:
    if name in ("small", "tiny") and isinstance(targets, int):
        targets = 3  # nothing speaks for a five in these random networks: the map would be empty
    model = oracle(name)
    front = Call(lambda images: model.forward_features(images) * 1.0)
    theirs = captum_grad_cam(nn.Sequential(front, Call(model.forward_head)), front, targets)
    if name == "mlp":  # a vector: one number an image
        theirs = theirs[:, :, None, None]
    large = LayerAttribution.interpolate(theirs, (28, 28), "bilinear")
    assert_agree(interpret.grad_cam(make(name), IMAGES, targets, upsample=False), theirs.squeeze(1))
    assert_agree(interpret.grad_cam(make(name), IMAGES, targets), large.squeeze(1))


@pytest.mark.parametrize(("name", "layer"), [("cnn", "conv1"), ("deep", "conv1.0"), ("deep", "pair3")])
def test_grad_cam_of_a_named_layer_is_captums(name: str, layer: str) -> None:
    model = oracle(name)
    theirs = captum_grad_cam(model, model.get_submodule(layer), TARGETS)
    assert_agree(interpret.grad_cam(make(name), IMAGES, TARGETS, layer, upsample=False), theirs.squeeze(1))


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


def test_feature_maps_are_a_copy() -> None:
    model, images = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), IMAGES.clone()
    forward.feature_maps(model, images, "0").zero_()  # Flatten returns a view of the images
    forward.walk(model, images)[0].output.zero_()
    assert torch.equal(images, IMAGES)


def test_a_layer_that_works_in_place_does_not_overwrite_what_was_kept() -> None:
    torch.manual_seed(0)
    head = [nn.Conv2d(4, 8, 5), nn.Flatten(), nn.Linear(3200, 10)]
    model = nn.Sequential(nn.Conv2d(1, 4, 5), nn.ReLU(inplace=True), *head)
    expected = model[0](IMAGES).detach()
    assert expected.min() < 0
    assert torch.equal(forward.feature_maps(model, IMAGES, "0"), expected)
    steps = forward.walk(model, IMAGES)
    assert [step.name for step in steps] == ["input", "0", "1", "2", "3", "4"]
    assert torch.equal(steps[1].output, expected) and torch.equal(steps[2].output, expected.relu())
    plain = nn.Sequential(model[0], nn.ReLU(), *head)
    ours = interpret.grad_cam(model, IMAGES, TARGETS, layer="0")
    assert ours.any() and torch.equal(ours, interpret.grad_cam(plain, IMAGES, TARGETS, layer="0"))


@each_model
def test_walk_goes_from_images_to_logits_past_the_feature_maps(name: str) -> None:
    model, plain, kept = make(name), oracle(name), {}
    for layer, module in plain.named_modules():
        module.register_forward_hook(
            lambda _module, _inputs, output, layer=layer: kept.update({layer: output})
        )
    logits = plain(IMAGES)
    steps = {step.name: step.output for step in forward.walk(model, IMAGES)}
    assert torch.equal(steps["input"], IMAGES) and torch.equal([*steps.values()][-1], logits)
    for layer in steps.keys() & kept.keys():
        assert torch.equal(steps[layer], kept[layer]), layer
        assert torch.equal(forward.feature_maps(model, IMAGES, layer), kept[layer]), layer


def test_walk_leaves_out_what_does_nothing_and_only_that() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu_1 = nn.Identity()
            self.input = nn.Flatten()
            self.drop = nn.Dropout(0.5)
            self.fc = nn.Linear(784, 10)
            self.bias = nn.Parameter(torch.ones(10))

        def forward(self, x: Tensor) -> Tensor:
            x = self.relu_1(F.relu(F.relu(x)))
            x = F.dropout(self.drop(self.input(x)))  # the classic mistake: this one is always on
            x = self.fc(x) + self.bias
            return x.view(x.size(0), 10)

    names = [step.name for step in forward.walk(Odd(), IMAGES)]
    assert names == ["input", "relu", "relu_1", "input_1", "dropout", "fc", "add", "view"]


def test_a_model_that_cannot_be_followed() -> None:
    branching = Call(lambda images: images.flatten(1)[:, :10] if images.sum() > 0 else images[:, 0, 0])
    with pytest.raises(ValueError, match=r"^model: torch\.fx cannot follow its forward pass \(.*\)$"):
        forward.walk(branching, IMAGES)
    assert interpret.saliency(branching, IMAGES, signed=True).sum() == 3  # what needs no tracing still works


def interval(unit: int, layers: list[tuple[int, int, int]]) -> tuple[int, int]:
    """What one unit sees along one side, by arithmetic from each layer's (kernel, stride, padding)."""
    size, jump, start = 1, 1, 0
    for kernel, stride, padding in layers:
        size, start, jump = size + (kernel - 1) * jump, start - padding * jump, jump * stride
    first = start + unit * jump
    return max(0, first), min(28, first + size)


CONV5, SAME5, SAME3, POOL = (5, 1, 0), (5, 1, 2), (3, 1, 1), (2, 2, 0)
DEEP = [SAME3, POOL, SAME3, SAME3, POOL, SAME3, SAME3]
FIELDS = [
    ("cnn", "conv1", [CONV5], 5),
    ("cnn", "relu", [CONV5, POOL], 6),
    ("cnn", "max_pool2d_1", [CONV5, POOL, CONV5, POOL], 16),
    ("lenet5", "conv2", [SAME5, POOL, CONV5], 14),
    ("fast", "max_pool2d", [(5, 2, -2), (3, 1, 0), POOL], 11),  # two pixels are cut off: a padding of -2
    ("deep", "pair2.1", DEEP[:4], 12),
    ("deep", "pair3", DEEP, 30),
]


@pytest.mark.parametrize(("name", "layer", "layers", "size"), FIELDS)
def test_receptive_fields(name: str, layer: str, layers: list[tuple[int, int, int]], size: int) -> None:
    model = make(name)
    side = 28
    for kernel, stride, padding in layers:
        side = (side + 2 * padding - kernel) // stride + 1
    for row, column in [(0, 0), (side // 2, side - 1), (1, side // 2)]:
        (top, bottom), (left, right) = interval(row, layers), interval(column, layers)
        assert forward.receptive_field(model, layer, (row, column)) == (top, left, bottom, right)
    middle = interval(side // 2, layers)
    assert middle[1] - middle[0] == min(size, 28)  # the sizes that the lessons state


def test_receptive_field_of_what_is_not_a_plain_convolution() -> None:
    gaps = nn.Conv2d(1, 3, kernel_size=3, padding=8, dilation=2)
    nn.init.zeros_(gaps.weight)  # a weight of zero still looks: zero times NaN is NaN
    mirror = Call(lambda images: torch.cat([images, images.flip(3)], dim=1))  # any channel counts
    for model, layer, unit, seen in (
        (nn.Sequential(gaps), "0", (0, 20), (0, 0, 0, 0)),  # nothing but padding
        (nn.Sequential(gaps), "0", (6, 20), (0, 12, 3, 17)),
        (make("mlp"), "fc1", (0, 0), (0, 0, 28, 28)),
        (make("deep"), "mean", (0, 0), (0, 0, 28, 28)),
        (mirror, "cat", (4, 3), (4, 3, 5, 25)),
    ):
        assert forward.receptive_field(model, layer, unit) == seen


@each_model
def test_embedding_is_scikit_learns_pca(name: str) -> None:
    images = normalize(load_sample("test").images[:300])  # more than one batch
    model = oracle(name)
    with torch.no_grad():
        vectors = model.forward_head(model.forward_features(images), pre_logits=True)
    ours = interpret.embedding(make(name), images, n_components=3)
    theirs = torch.from_numpy(PCA(3, svd_solver="full").fit_transform(vectors.double().numpy())).float()
    assert ours.shape == (300, 3)
    signs = (ours * theirs).sum(dim=0).sign()
    assert (ours - signs * theirs).abs().max() < 1e-3 * theirs.abs().max()


@pytest.mark.parametrize("seed", range(8))
def test_embedding_has_one_sign(seed: int) -> None:
    """Mirrored vectors have mirrored points, but only if the directions' signs are fixed."""
    model, images = make("softmax"), torch.randn(40, 1, 28, 28, generator=torch.Generator().manual_seed(seed))
    points = interpret.embedding(model, images)
    torch.testing.assert_close(interpret.embedding(model, -images), -points, atol=1e-3, rtol=1e-3)


CALLS: dict[str, Callable[[nn.Module, Tensor], object]] = {
    "feature_maps": lambda model, images: forward.feature_maps(model, images, last_layer(model)),
    "walk": lambda model, images: forward.walk(model, images)[-1].output,
    "saliency": interpret.saliency,
    "occlusion": lambda model, images: interpret.occlusion(model, images, size=14, stride=14),
    "grad_cam": interpret.grad_cam,
    "grad_cam of a layer": lambda model, images: interpret.grad_cam(model, images, layer=last_layer(model)),
    "embedding": interpret.embedding,
    "first_filters": lambda model, images: interpret.first_filters(model),
    "receptive_field": lambda model, images: forward.receptive_field(model, last_layer(model), (0, 0)),
}


def last_layer(model: nn.Module) -> str:
    return [name for name, _ in model.named_modules()][-1]


def assert_same(first: object, second: object) -> None:
    assert torch.equal(first, second) if isinstance(first, Tensor) else first == second


@pytest.mark.parametrize("name", ["cnn", "deep"])
@pytest.mark.parametrize("call", CALLS)
def test_nothing_is_changed_and_twice_is_the_same(name: str, call: str) -> None:
    model = make(name)
    next(model.children()).eval()  # one part frozen, as in fine-tuning
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    images = IMAGES.clone().requires_grad_()
    modes = [module.training for module in model.modules()]
    state = copy.deepcopy(model.state_dict())
    random_state = torch.get_rng_state()

    first, second = CALLS[call](model, images), CALLS[call](model, images)

    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert all(parameter.requires_grad and (parameter.grad == 1).all() for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())
    assert images.grad is None and torch.equal(images, IMAGES)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert torch.is_grad_enabled() and not getattr(first, "requires_grad", False)
    assert_same(first, second)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_works_where_gradients_are_off_and_with_frozen_weights(
    call: str, mode: Callable[[], torch.no_grad]
) -> None:
    model, expected = make("cnn"), CALLS[call](make("cnn"), IMAGES)
    for frozen in (False, True):
        model.requires_grad_(not frozen)
        with mode():
            assert_same(CALLS[call](model, IMAGES * 1), expected)


@pytest.mark.parametrize("call", ["saliency", "feature_maps"])
def test_the_mode_is_put_back_after_an_error(call: str) -> None:
    def broken(images: Tensor) -> Tensor:
        model.layer(images)
        raise RuntimeError("broken on purpose")

    model = Call(broken, layer=nn.Conv2d(1, 1, 3))
    with pytest.raises(RuntimeError, match="broken on purpose"):
        CALLS[call](model, IMAGES)
    assert model.training and model.layer.training and not model.layer._forward_hooks


CNN = make("cnn")
BROKEN = make("cnn")
nn.init.constant_(BROKEN.fc1.weight, math.nan)
CONV3 = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Linear(784, 10))
TWICE = Call(lambda images: TWICE.conv(TWICE.conv(images)), conv=nn.Conv2d(1, 1, 3, padding=1), unused=CONV3)
LSTM = Call(lambda images: LSTM.lstm(images[:, 0])[0], lstm=nn.LSTM(28, 5))
ROWS = nn.Sequential(nn.Flatten(2), nn.Flatten(1), nn.Linear(784, 10))


@pytest.mark.parametrize("call", sorted(CALLS.keys() - {"first_filters", "receptive_field"}))
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES[:0], "images: expected .* got none"),
        (IMAGES.double(), "images: expected torch.float32 on cpu like the weights, got torch.float64 on cpu"),
        (IMAGES.to("meta"), "expected numbers, got a tensor on device 'meta'"),
    ],
)
def test_wrong_images(call: str, images: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CALLS[call](CNN, images)


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
        (forward.receptive_field, (CNN, "max_pool", (0, 0)), "'max_pool': did you mean 'max_pool2d'"),
        (forward.receptive_field, (CNN, "conv1", (24, 0)), "unit: expected one of 24 rows and 24 columns"),
        (forward.receptive_field, (CNN, "conv1", (0, -1)), r"in 'conv1', got \(0, -1\)"),
        (interpret.grad_cam, (CNN, IMAGES, None, "fc_1"), "unknown layer 'fc_1': did you mean 'fc1'"),
        (interpret.grad_cam, (ROWS, IMAGES, None, "0"), r"layer: expected maps .*, got \(3, 1, 784\)"),
        (interpret.grad_cam, (TWICE, IMAGES), "model: expected forward_features and forward_head, got Call"),
        (interpret.saliency, (TWICE, IMAGES), r"model: expected .* logits \(B, 10\), got \(3, 1"),
        (interpret.occlusion, (CNN, IMAGES, None, 0), "size: expected 1 to 28, got 0"),
        (interpret.occlusion, (CNN, IMAGES, None, 29), "size: expected 1 to 28, got 29"),
        (interpret.occlusion, (CNN, IMAGES, None, 5, 0), "stride: expected 1 to 5, got 0"),
        (interpret.occlusion, (CNN, IMAGES, None, 5, 6), "stride: expected 1 to 5, got 6"),
        (interpret.occlusion, (CNN, IMAGES, None, 5, 1, math.inf), "fill: expected a finite number, got inf"),
        (interpret.embedding, (CNN, IMAGES, 0), "n_components: expected 1 to 3, got 0"),
        (interpret.embedding, (CNN, IMAGES, 4), "n_components: expected 1 to 3, got 4"),
        (interpret.embedding, (BROKEN, IMAGES), "expected finite vectors"),
        (interpret.embedding, (TWICE, IMAGES), "model: expected forward_features and forward_head, got Call"),
        (interpret.first_filters, (CONV3,), "model: expected a first layer .* got Conv2d"),
        (interpret.first_filters, (nn.Linear(100, 10),), "model: expected a first layer .* got Linear"),
        (interpret.first_filters, (nn.ReLU(),), "model: expected a first layer .* got None"),
    ],
)
def test_wrong_arguments(function: Callable[..., object], arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        function(*arguments)
