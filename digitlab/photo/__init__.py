"""Photos: a photo, a scan or a canvas in, 28x28 digits as MNIST's out, with every stage in between."""

from digitlab.photo.fit import Photo as Photo
from digitlab.photo.fit import normalize_ink as normalize_ink
from digitlab.photo.fit import read_digits as read_digits
from digitlab.photo.fit import thicken_ink as thicken_ink
from digitlab.photo.ink import find_ink as find_ink
from digitlab.photo.marks import group_marks as group_marks
from digitlab.photo.read import PhotoError as PhotoError
from digitlab.photo.read import read_photo as read_photo
