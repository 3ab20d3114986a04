"""The names that the command and the library share. Importing this file imports nothing that takes time."""

from typing import Literal

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")
"""The two halves that MNIST comes in; validation digits are taken from the first."""

SOURCES = ("auto", "mnist", "sample", "fashion")
"""Where digits can come from: see `digitlab.data.mnist.load_digits`."""

MODELS = ("cnn", "softmax", "mlp", "lenet5", "fast", "deep", "small", "tiny")
"""What `digitlab.models.create_model` makes."""

RECIPES = ("classic", "fast", "thorough", "best")
"""What `digitlab.recipes.get_recipe` knows."""

DEVICES = ("auto", "cpu", "cuda", "mps")
"""What `digitlab.device.choose_device` knows."""
