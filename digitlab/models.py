"""The networks. Each takes normalised images ``(B, 1, 28, 28)`` and returns **logits** ``(B, 10)``.

Logits are scores before the softmax, which ``cross_entropy`` applies. A model's two halves have timm's names.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from digitlab.checks import check_choice, check_range, checked


class DigitModel(nn.Module):
    """What all the models have in common: logits are the head applied to the features."""

    def forward_features(self, images: Tensor) -> Tensor:
        """Images to the last maps ``(B, C, H, W)``, or to a vector ``(B, D)`` where no places are kept."""
        raise NotImplementedError

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:
        """Features to logits, or to the vector ``(B, D)`` before the last linear layer."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(images))


class CNN(DigitModel):
    """The course's network: two convolutions and two linear layers, 21,840 parameters.

    Built by hand in lesson 06. It is the network of PyTorch's early MNIST example, but for the ``log_softmax`` at
    its end (lesson 02). ``dropout`` is the share of maps and units left out in training.

    Examples:
        >>> sum(parameter.numel() for parameter in CNN().parameters())
        21840
    """

    @checked
    def __init__(self, dropout: float = 0.5) -> None:
        super().__init__()
        check_range("dropout", dropout, 0, 1)
        self.dropout = dropout
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.conv2_drop = nn.Dropout2d(dropout)
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward_features(self, images: Tensor) -> Tensor:  # (B, 1, 28, 28)
        x = self.conv1(images)  # (B, 10, 24, 24)
        x = F.relu(F.max_pool2d(x, 2))  # (B, 10, 12, 12)
        x = self.conv2_drop(self.conv2(x))  # (B, 20, 8, 8)
        return F.relu(F.max_pool2d(x, 2))  # (B, 20, 4, 4)

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:  # (B, 20, 4, 4)
        x = features.flatten(1)  # (B, 320)
        x = F.relu(self.fc1(x))  # (B, 50)
        x = F.dropout(x, self.dropout, self.training)  # (B, 50)
        return x if pre_logits else self.fc2(x)  # (B, 10)


class SoftmaxRegression(DigitModel):
    """A linear classifier: one template of 784 weights per class, 7,850 parameters. Built by hand in lesson 02."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(784, 10)

    def forward_features(self, images: Tensor) -> Tensor:  # (B, 1, 28, 28)
        return images  # (B, 1, 28, 28)

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:  # (B, 1, 28, 28)
        x = features.flatten(1)  # (B, 784)
        return x if pre_logits else self.fc(x)  # (B, 10)


class MLP(DigitModel):
    """A multilayer perceptron: 128 hidden units that each see every pixel, 101,770 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward_features(self, images: Tensor) -> Tensor:  # (B, 1, 28, 28)
        return F.relu(self.fc1(images.flatten(1)))  # (B, 128)

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:  # (B, 128)
        return features if pre_logits else self.fc2(features)  # (B, 10)


class LeNet5(DigitModel):
    """The network that read American bank cheques, 61,706 parameters, after LeCun et al. (1998).

    Simplified: max-pooling, ReLU, second-layer maps that see every first-layer map, and a linear last layer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, kernel_size=5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward_features(self, images: Tensor) -> Tensor:  # (B, 1, 28, 28)
        x = F.max_pool2d(F.relu(self.conv1(images)), 2)  # (B, 6, 14, 14)
        return F.max_pool2d(F.relu(self.conv2(x)), 2)  # (B, 16, 5, 5)

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:  # (B, 16, 5, 5)
        x = F.relu(self.fc1(features.flatten(1)))  # (B, 120)
        x = F.relu(self.fc2(x))  # (B, 84)
        return x if pre_logits else self.fc3(x)  # (B, 10)


class FastCNN(DigitModel):
    """Two small convolutions and a wide layer, 72,000 parameters: little work a digit. Measured in lesson 12.

    The empty margin is cut off, and the first convolution moves by two pixels: few places for the second one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=5, stride=2, bias=False)
        self.norm1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, bias=False)
        self.norm2 = nn.BatchNorm2d(32)
        self.fc1 = nn.Linear(512, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward_features(self, images: Tensor) -> Tensor:  # (B, 1, 28, 28)
        x = images[:, :, 2:26, 2:26]  # (B, 1, 24, 24)
        x = F.relu(self.norm1(self.conv1(x)))  # (B, 16, 10, 10)
        x = F.max_pool2d(self.conv2(x), 2)  # (B, 32, 4, 4)
        return F.relu(self.norm2(x))  # (B, 32, 4, 4)

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:  # (B, 32, 4, 4)
        x = F.relu(self.fc1(features.flatten(1)))  # (B, 128)
        return x if pre_logits else self.fc2(x)  # (B, 10)


class SmallCNN(DigitModel):
    """How few parameters does it take? Four convolutions, each of the last maps averaged into one number.

    ``small`` has 7,866 parameters, ``tiny`` with ``channels`` of (5, 8, 8, 10) has 1,953.
    """

    def __init__(self, channels: tuple[int, int, int, int] = (8, 16, 18, 22)) -> None:
        super().__init__()
        first, second, third, last = channels
        self.conv1 = _convolution(1, first, kernel_size=5)
        self.conv2 = _convolution(first, second)
        self.conv3 = _convolution(second, third)
        self.conv4 = _convolution(third, last)
        self.fc = nn.Linear(last, 10)

    def forward_features(self, images: Tensor) -> Tensor:  # (B, 1, 28, 28)
        x: Tensor = F.max_pool2d(self.conv1(images), 2)  # (B, C1, 14, 14)
        x = self.conv3(self.conv2(x))  # (B, C3, 14, 14)
        x = self.conv4(F.max_pool2d(x, 2))  # (B, C4, 7, 7)
        return x

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:  # (B, C4, 7, 7)
        x = features.mean(dim=(2, 3))  # (B, C4)
        return x if pre_logits else self.fc(x)  # (B, 10)


class DeepCNN(DigitModel):
    """Five 3x3 convolutions, averaged like `SmallCNN`, 210,000 parameters: made to be accurate. Lesson 11."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _convolution(1, 32)
        self.pair2 = nn.Sequential(_convolution(32, 48), _convolution(48, 64))
        self.pair3 = nn.Sequential(_convolution(64, 96), _convolution(96, 128))
        self.fc = nn.Linear(128, 10)

    def forward_features(self, images: Tensor) -> Tensor:  # (B, 1, 28, 28)
        x: Tensor = F.max_pool2d(self.conv1(images), 2)  # (B, 32, 14, 14)
        x = F.max_pool2d(self.pair2(x), 2)  # (B, 64, 7, 7)
        x = self.pair3(x)  # (B, 128, 7, 7)
        return x

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:  # (B, 128, 7, 7)
        x = features.mean(dim=(2, 3))  # (B, 128)
        return x if pre_logits else self.fc(x)  # (B, 10)


def _convolution(in_channels: int, out_channels: int, kernel_size: int = 3) -> nn.Sequential:
    """A convolution that keeps the size; without bias, since batch normalisation brings its own."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


_MODELS: dict[str, Callable[[], DigitModel]] = {
    "cnn": CNN,
    "softmax": SoftmaxRegression,
    "mlp": MLP,
    "lenet5": LeNet5,
    "fast": FastCNN,
    "deep": DeepCNN,
    "small": SmallCNN,
    "tiny": lambda: SmallCNN((5, 8, 8, 10)),
}


def list_models() -> list[str]:
    """The names that `create_model` knows.

    Examples:
        >>> list_models()
        ['cnn', 'softmax', 'mlp', 'lenet5', 'fast', 'deep', 'small', 'tiny']
    """
    return list(_MODELS)


@checked
def create_model(name: str, dropout: float = 0.5) -> DigitModel:
    """A new model in ``float32`` on the CPU, its random weights fixed by ``torch.manual_seed``.

    ``dropout`` is for ``cnn``, the others have none.

    Examples:
        >>> import torch
        >>> create_model("lenet5")(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """
    check_choice("model", name, _MODELS)
    with torch.device("cpu"):  # whatever the program around has made PyTorch's default
        model = CNN(dropout) if name == "cnn" else _MODELS[name]()
    return model.float()
