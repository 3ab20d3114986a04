"""The digits: where they come from, how they are split, and how they reach the network."""

from digitlab.data.augmentation import RandomAffine as RandomAffine
from digitlab.data.digits import Digits as Digits
from digitlab.data.digits import followed_digit as followed_digit
from digitlab.data.digits import load_sample as load_sample
from digitlab.data.digits import train_val_split as train_val_split
from digitlab.data.drawn import load_drawn as load_drawn
from digitlab.data.loader import DigitLoader as DigitLoader
from digitlab.data.loader import normalize as normalize
from digitlab.data.mnist import DataError as DataError
from digitlab.data.mnist import data_folder as data_folder
from digitlab.data.mnist import is_complete as is_complete
from digitlab.data.mnist import load_digits as load_digits
from digitlab.data.mnist import load_mnist as load_mnist
from digitlab.names import MEAN as MEAN
from digitlab.names import STD as STD
