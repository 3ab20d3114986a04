"""The digits: where they come from, how they are split, and how they reach the network.

`digits` holds them and splits them, `mnist` has torchvision load them, `loader` turns bytes into batches, and
`augmentation` changes each training image a little. Nothing here knows networks.
"""

from digitlab.data.augmentation import RandomAffine
from digitlab.data.digits import Digits, followed_digit, load_sample, train_val_split
from digitlab.data.loader import Augment, DigitLoader, normalize
from digitlab.data.mnist import DataError, data_folder, is_complete, load_digits, load_mnist
from digitlab.names import MEAN, STD

__all__ = [
    "MEAN",
    "STD",
    "Augment",
    "DataError",
    "DigitLoader",
    "Digits",
    "RandomAffine",
    "data_folder",
    "followed_digit",
    "is_complete",
    "load_digits",
    "load_mnist",
    "load_sample",
    "normalize",
    "train_val_split",
]
