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
    from digitlab.training import *

__version__ = "0.1.0"

_NAMES = {
    "data.digits": "Digits followed_digit load_sample train_val_split",
    "data.mnist": "DataError data_folder load_digits load_mnist",
    "data.drawn": "load_drawn",
    "data.loader": "DigitLoader normalize",
    "data.augmentation": "RandomAffine",
    "device": "choose_device",
    "models": "CNN SoftmaxRegression create_model list_models",
    "training": "History TrainingError evaluate fit predict train_one_epoch",
    "recipes": "Recipe get_recipe list_recipes make_optimizer make_scheduler",
    "metrics": "accuracy calibration confusion_matrix cross_entropy misclassified per_class wilson_interval",
    "forward": "feature_maps receptive_field walk",
    "interpret": "embedding first_filters grad_cam occlusion saliency",
    "plots.style": "save_picture",
    "plots.digits": "plot_digits plot_feature_maps plot_filters plot_heatmaps plot_misclassified"
    " plot_photo_stages",
    "plots.charts": "plot_confusion_matrix plot_embedding plot_probabilities plot_reliability"
    " plot_training_curves",
    "plots.curves": "plot_intervals",
    "plots.walk": "plot_walk",
    "photo.read": "PhotoError",
    "photo.fit": "normalize_ink read_digits",
    "doubt": "unlikeness",
    "runs.state": "RunSettings",
    "runs.checkpoint": "CheckpointError load_checkpoint load_shipped_model save_checkpoint",
    "runs.run": "resume_run train_model train_run",
    "exercises": "exercise",
    "export": "export_onnx export_playground",
}
"""The public names of each file, in the order in which the files are best read."""

_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = globals()[name] = getattr(import_module(f"digitlab.{_HOMES[name]}"), name)
        return value
    raise AttributeError(f"module 'digitlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
