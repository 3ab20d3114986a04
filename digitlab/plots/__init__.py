"""Every picture of the course: tensors in, one `Picture` out, which says in words and numbers what it shows."""

from digitlab.plots.charts import *
from digitlab.plots.curves import *
from digitlab.plots.digits import *
from digitlab.plots.style import Picture, read_description, save_picture
from digitlab.plots.walk import plot_walk
