"""Photos: a photo, a scan or a canvas in, 28x28 digits as MNIST's out, with every stage in between."""

from digitlab.photo.fit import NormalizedDigit, Photo, PhotoDigit, normalize_ink, read_digits, thicken_ink
from digitlab.photo.ink import PhotoError, find_ink
from digitlab.photo.marks import group_marks
from digitlab.photo.read import read_photo

__all__ = [
    "NormalizedDigit",
    "Photo",
    "PhotoDigit",
    "PhotoError",
    "find_ink",
    "group_marks",
    "normalize_ink",
    "read_digits",
    "read_photo",
    "thicken_ink",
]
