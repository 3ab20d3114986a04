"""digitlab: how a convolutional network reads handwriting.

Every public name can be imported from here. Each is loaded from its file when it is first used, so that
``import digitlab`` costs next to nothing. A good order to read the files in: ``data``, ``models``,
``training``, ``metrics``, ``interpret``, ``plots``, ``photo``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digitlab.augmentation import *
    from digitlab.charts import *
    from digitlab.checkpoint import *
    from digitlab.committee import *
    from digitlab.curves import *
    from digitlab.data import *
    from digitlab.device import *
    from digitlab.export import *
    from digitlab.files import *
    from digitlab.history import *
    from digitlab.ink import *
    from digitlab.interpret import *
    from digitlab.interruption import *
    from digitlab.lessons import *
    from digitlab.metrics import *
    from digitlab.models import *
    from digitlab.photo import *
    from digitlab.photo_file import *
    from digitlab.picture import *
    from digitlab.plots import *
    from digitlab.recipes import *
    from digitlab.report import *
    from digitlab.run import *
    from digitlab.training import *
    from digitlab.walkthrough import *

__version__ = "0.1.0"

__all__ = [
    "CNN",
    "MLP",
    "Calibration",
    "Checkpoint",
    "CheckpointError",
    "Committee",
    "DataError",
    "DeepCNN",
    "DigitLoader",
    "DigitModel",
    "Digits",
    "EpochRow",
    "EpochSums",
    "FastCNN",
    "History",
    "Interrupted",
    "LeNet5",
    "LessonError",
    "Misclassified",
    "NormalizedDigit",
    "PerClass",
    "Photo",
    "PhotoDigit",
    "PhotoError",
    "Picture",
    "RandomAffine",
    "Recipe",
    "Run",
    "RunError",
    "RunSettings",
    "Scores",
    "SmallCNN",
    "SoftmaxRegression",
    "Step",
    "TrainingError",
    "accuracy",
    "as_device",
    "calibration",
    "choose_device",
    "confusion_matrix",
    "copy_lessons",
    "create_model",
    "cross_entropy",
    "data_folder",
    "embedding",
    "evaluate",
    "export_onnx",
    "export_playground",
    "feature_maps",
    "find_ink",
    "finish_epoch",
    "first_filters",
    "fit",
    "followed_digit",
    "get_recipe",
    "grad_cam",
    "group_marks",
    "has_bfloat16",
    "lessons_folder",
    "list_models",
    "list_recipes",
    "load_checkpoint",
    "load_digits",
    "load_mnist",
    "load_sample",
    "load_shipped_model",
    "load_trained",
    "make_optimizer",
    "make_scheduler",
    "measure",
    "misclassified",
    "normalize",
    "normalize_ink",
    "occlusion",
    "per_class",
    "plot_confusion_matrix",
    "plot_digits",
    "plot_embedding",
    "plot_feature_maps",
    "plot_filters",
    "plot_heatmaps",
    "plot_intervals",
    "plot_ladder",
    "plot_lines",
    "plot_misclassified",
    "plot_photo_stages",
    "plot_probabilities",
    "plot_reliability",
    "plot_surface",
    "plot_training_curves",
    "plot_walk",
    "predict",
    "progress_bar",
    "read_description",
    "read_digits",
    "read_idx",
    "read_photo",
    "receptive_field",
    "resume_run",
    "saliency",
    "save_checkpoint",
    "save_picture",
    "saved_settings",
    "thicken_ink",
    "train_committee",
    "train_model",
    "train_one_epoch",
    "train_run",
    "train_val_split",
    "walk",
    "wilson_interval",
    "write_report",
]

# Searched in this order; the costly imports (SciPy, Matplotlib) come last.
_HOMES = (
    *("files", "data", "augmentation", "device", "models", "history", "training", "recipes", "metrics"),
    *(
        "interpret",
        "checkpoint",
        "ink",
        "photo_file",
        "photo",
        "picture",
        "plots",
        "charts",
        "curves",
        "walkthrough",
    ),
    *("report", "interruption", "run", "committee", "export", "lessons"),
)


def __getattr__(name: str) -> Any:
    if name in __all__:
        for home in _HOMES:
            module = import_module(f"digitlab.{home}")
            if hasattr(module, name):
                value = globals()[name] = getattr(module, name)
                return value
    raise AttributeError(f"module 'digitlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
