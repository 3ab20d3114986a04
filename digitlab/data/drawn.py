"""Your own test digits, drawn in the playground and saved there as one small file."""

import json
from base64 import b64decode
from pathlib import Path

import torch

from digitlab.checks import checked
from digitlab.data.digits import Digits
from digitlab.data.mnist import DataError


@checked
def load_drawn(path: str | Path) -> Digits:
    """Your own digits, with the labels that you gave them, as the playground saves them. Lesson 13.

    The file is JSON: ``{"format": "digitlab digits", "version": 1, "digits": [{"label": 7, "pixels": "…"}, …]}``,
    4 MB at most. ``pixels`` is the base64 of 784 bytes, 0 paper to 255 ink, prepared as MNIST's digits were.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(4_000_000)
        # An object as the sorted list of its names and values: one that stands twice then matches nothing.
        match json.loads(content.decode(), object_pairs_hook=lambda pairs: sorted(pairs, key=str)):
            case [("digits", [_, *_] as digits), ("format", "digitlab digits"), ("version", 1)]:
                labels, images = zip(*map(_digit, digits), strict=True)
            case _:
                raise ValueError('expected {"format": "digitlab digits", "version": 1, "digits": [some]}')
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} holds no digits of the playground, in 4 MB at most: {error}") from None
    pixels = torch.frombuffer(bytearray().join(images), dtype=torch.uint8)
    return Digits(pixels.view(-1, 28, 28), torch.tensor(labels), "drawn", "test")


def _digit(saved: object) -> tuple[int, bytes]:
    match saved:
        case [("label", int(label)), ("pixels", str(text))]:
            if type(label) is int and 0 <= label <= 9 and len(b64decode(text)) == 784:
                return label, b64decode(text)
    raise ValueError("each digit needs a label, 0 to 9, and the base64 of 784 bytes as its pixels")
