"""digitlab: how a convolutional network reads handwriting.

Each public name is loaded from its file when it is first used. A good order to read the files in: ``data/``,
``models``, ``training``, ``metrics``, ``forward``, ``interpret``, ``plots/``, ``photo/``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digitlab.data import *
    from digitlab.device import *
    from digitlab.doubt import *
    from digitlab.exercises import exercise as exercise
    from digitlab.export import *
    from digitlab.forward import *
    from digitlab.interpret import *
    from digitlab.metrics import *
    from digitlab.models import *
    from digitlab.photo import *
    from digitlab.plots import *
    from digitlab.recipes import *
    from digitlab.runs import *
    from digitlab.training import *

__version__ = "0.1.0"

_HOMES = {
    "CNN": "models",
    "CheckpointError": "runs.checkpoint",
    "DataError": "data.mnist",
    "DigitLoader": "data.loader",
    "Digits": "data.digits",
    "History": "training",
    "PhotoError": "photo.read",
    "RandomAffine": "data.augmentation",
    "Recipe": "recipes",
    "RunSettings": "runs.state",
    "SoftmaxRegression": "models",
    "TrainingError": "training",
    "accuracy": "metrics",
    "calibration": "metrics",
    "choose_device": "device",
    "confusion_matrix": "metrics",
    "create_model": "models",
    "cross_entropy": "metrics",
    "data_folder": "data.mnist",
    "embedding": "interpret",
    "evaluate": "training",
    "exercise": "exercises",
    "export_onnx": "export",
    "export_playground": "export",
    "feature_maps": "forward",
    "first_filters": "interpret",
    "fit": "training",
    "followed_digit": "data.digits",
    "get_recipe": "recipes",
    "grad_cam": "interpret",
    "list_models": "models",
    "list_recipes": "recipes",
    "load_checkpoint": "runs.checkpoint",
    "load_digits": "data.mnist",
    "load_drawn": "data.drawn",
    "load_mnist": "data.mnist",
    "load_sample": "data.digits",
    "load_shipped_model": "runs.checkpoint",
    "make_optimizer": "recipes",
    "make_scheduler": "recipes",
    "misclassified": "metrics",
    "normalize": "data.loader",
    "normalize_ink": "photo.fit",
    "occlusion": "interpret",
    "per_class": "metrics",
    "plot_confusion_matrix": "plots.charts",
    "plot_digits": "plots.digits",
    "plot_embedding": "plots.charts",
    "plot_feature_maps": "plots.digits",
    "plot_filters": "plots.digits",
    "plot_heatmaps": "plots.digits",
    "plot_intervals": "plots.curves",
    "plot_misclassified": "plots.digits",
    "plot_photo_stages": "plots.digits",
    "plot_probabilities": "plots.charts",
    "plot_reliability": "plots.charts",
    "plot_training_curves": "plots.charts",
    "plot_walk": "plots.walk",
    "predict": "training",
    "read_digits": "photo.fit",
    "receptive_field": "forward",
    "resume_run": "runs.run",
    "saliency": "interpret",
    "save_checkpoint": "runs.checkpoint",
    "save_picture": "plots.style",
    "train_model": "runs.run",
    "train_one_epoch": "training",
    "train_run": "runs.run",
    "train_val_split": "data.digits",
    "unlikeness": "doubt",
    "walk": "forward",
    "wilson_interval": "metrics",
}
"""Where each public name lives."""

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = globals()[name] = getattr(import_module(f"digitlab.{_HOMES[name]}"), name)
        return value
    raise AttributeError(f"module 'digitlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
