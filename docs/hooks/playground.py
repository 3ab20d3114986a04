"""What the playground page needs beyond its own scripts: the network's weights and some digits, as two scripts.

Both are made from what the package holds, the shipped network and the bundled sample, so that nothing is stored twice.
The page opens from disk, where a browser fetches no data; a script it may load.
"""

from __future__ import annotations

import base64
import json

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from digitlab.data import load_sample
from digitlab.export import measured_in_words, playground_script
from digitlab.runs.checkpoint import SHIPPED_FILE, load_checkpoint
from digitlab.training import predict

FOLDER = "javascripts/playground"
MOST_MISREAD = 12


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add ``weights.js`` and ``digits.js``."""
    for name, content in make_scripts().items():
        files.append(File.generated(config, f"{FOLDER}/{name}", content=content))
    return files


def make_scripts() -> dict[str, str]:
    """The two scripts, by name."""
    shipped = load_checkpoint(SHIPPED_FILE)
    accuracy = shipped.metadata["measured"]["mnist test"]["test_accuracy"]
    weights = playground_script(
        shipped.model, "shipped network", measured_in_words(accuracy, 10_000, "mnist")
    )
    # The page runs the rounded weights, so what it misreads is what they misread.
    model = shipped.model.half().float()
    sample = load_sample("test")
    read = predict(model, sample.images).argmax(dim=1)
    right = read == sample.labels
    presets = [int((right & (sample.labels == label)).nonzero()[0]) for label in range(10)]
    misread = (~right).nonzero()[:MOST_MISREAD, 0].tolist()
    digits = []
    for index in presets + misread:
        digit = {
            "label": int(sample.labels[index]),
            "pixels": base64.b64encode(sample.images[index].numpy().tobytes()).decode(),
            "source": f"sample test {index}",
        }
        if not right[index]:
            digit["read"] = int(read[index])
        digits.append(digit)
    return {"weights.js": weights, "digits.js": f"window.digitlabDigits = {json.dumps(digits)};\n"}
