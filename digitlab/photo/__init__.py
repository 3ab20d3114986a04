"""Photos: a photo, a scan or a canvas in, 28x28 digits as MNIST's out, with every stage in between."""

from digitlab.photo.fit import *
