"""Constants, and the names that the command and the library share. Importing this file takes no time."""

from typing import Literal

MEAN, STD = 0.1307, 0.3081
"""Mean and standard deviation of MNIST's training pixels on the scale 0..1 (computed in lesson 01)."""

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")
"""The two halves that MNIST comes in; validation digits are taken from the first."""

SOURCES = ("auto", "mnist", "sample", "fashion")
MODELS = ("cnn", "softmax", "mlp", "lenet5", "fast", "deep", "small", "tiny")
RECIPES = ("classic", "fast", "thorough", "best")
DEVICES = ("auto", "cpu", "cuda", "mps")
