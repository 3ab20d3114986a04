"""Every picture of the course: tensors in, one `Picture` out, which says in words and numbers what it shows."""

from digitlab.plots.charts import plot_confusion_matrix as plot_confusion_matrix
from digitlab.plots.charts import plot_embedding as plot_embedding
from digitlab.plots.charts import plot_probabilities as plot_probabilities
from digitlab.plots.charts import plot_reliability as plot_reliability
from digitlab.plots.charts import plot_training_curves as plot_training_curves
from digitlab.plots.curves import plot_intervals as plot_intervals
from digitlab.plots.curves import plot_ladder as plot_ladder
from digitlab.plots.curves import plot_lines as plot_lines
from digitlab.plots.curves import plot_surface as plot_surface
from digitlab.plots.digits import plot_digits as plot_digits
from digitlab.plots.digits import plot_feature_maps as plot_feature_maps
from digitlab.plots.digits import plot_filters as plot_filters
from digitlab.plots.digits import plot_heatmaps as plot_heatmaps
from digitlab.plots.digits import plot_misclassified as plot_misclassified
from digitlab.plots.digits import plot_photo_stages as plot_photo_stages
from digitlab.plots.style import Picture as Picture
from digitlab.plots.style import save_picture as save_picture
from digitlab.plots.walk import plot_walk as plot_walk
