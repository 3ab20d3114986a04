"""What is no digit: printed letters and signs, scribbles, blots, and two digits at once, prepared as a digit is.

A network can only be taught to doubt with examples of what to doubt. Whatever resembles a digit is left out: O, I and
l, S, Z, B, b, g, q, and their like. Lesson 08 says what such a network can do, and what not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont
from scipy.interpolate import make_interp_spline
from scipy.ndimage import affine_transform, grey_dilation, zoom
from torch import Tensor

from digitlab.photo import normalize_ink

Ink = npt.NDArray[np.float32]

LETTERS = "ACEFHKMNPRTUVWXadefhkmnrtuvwxyΓΔΛΞΠΣΦΨΩαγεηκλμξπφχψωДЖИКЛПФЦШЩЫЮЯжилпфцшщыюя"
SIGNS = '+×÷=±?!#%&@*$€£¥§¶♥★☆■▲◆→←↑↓↔∞√∑∏∫∂∈∀∃≠≈≤≥<>^~[]{}";:…☺☀♪♫✓✗⊕⊗□◇△▽☁☂☎♠♣✈✂∴∵⊂⊃∪∩⊥∠'
FONTS = [
    "Sans",
    "Sans-Oblique",
    "Sans-Bold",
    "Serif",
    "Serif-Italic",
    "SansMono",
]  # of DejaVu, matplotlib's own


def draw_strangers(n: int, seed: int, digits: UInt8[Tensor, "N 28 28"]) -> UInt8[Tensor, "n 28 28"]:
    """Draw ``n`` things that are no digits; the pairs among them are made of the given digits."""
    random = np.random.default_rng(seed)
    kinds = [draw_glyph] * 5 + [draw_scribble] * 2 + [draw_blot, draw_pair, draw_pair]
    drawn = [kinds[random.integers(len(kinds))](random, digits) for _ in range(n)]
    return torch.from_numpy(np.stack([normalize_ink(warp(ink, random)).image for ink in drawn]))


def draw_glyph(random: np.random.Generator, _: Tensor) -> Ink:
    """A printed letter or sign, its strokes thick or thin."""
    text = str(random.choice(list(LETTERS if random.random() < 0.6 else SIGNS)))
    file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"DejaVu{random.choice(FONTS)}.ttf"
    paper = Image.new("L", (120, 120))
    ImageDraw.Draw(paper).text((60, 60), text, fill=255, font=ImageFont.truetype(file, 60), anchor="mm")
    pen = int(random.integers(1, 7))
    return np.asarray(grey_dilation(np.asarray(paper, np.float32) / 255, size=(pen, pen)))


def draw_scribble(random: np.random.Generator, _: Tensor) -> Ink:
    """Lines that were drawn without a plan, straight or curved: one long one, or several short ones."""
    paper = Image.new("L", (240, 240))
    pen, width = ImageDraw.Draw(paper), int(random.integers(8, 30))
    several = random.random() < 0.5
    for _line in range(random.integers(3, 7) if several else 1):
        places = random.uniform(50, 190, (random.integers(2, 5) if several else random.integers(5, 14), 2))
        if len(places) > 3 and random.random() < 0.5:
            curve = make_interp_spline(np.arange(len(places)), places, k=3)
            places = curve(np.linspace(0, len(places) - 1, 80))
        pen.line([(x, y) for x, y in places], fill=255, width=width, joint="curve")
        for x, y in places:
            pen.circle((x, y), width / 2, fill=255)
    return np.asarray(paper.resize((120, 120), Image.Resampling.BOX), np.float32) / np.float32(255)


def draw_blot(random: np.random.Generator, _: Tensor) -> Ink:
    """A dot, a dash that lies, a filled box."""
    y, x = np.mgrid[-30:31, -30:31]
    height = random.uniform(3, 20)
    width = height * random.uniform(0.6, 5 if height < 8 else 1.6)
    power = random.choice([2, 2, 4, 20])
    inside = (np.abs(x) / width) ** power + (np.abs(y) / height) ** power < 1
    return np.asarray(inside, np.float32)


def draw_pair(random: np.random.Generator, digits: Tensor) -> Ink:
    """Two digits side by side, or one into the other."""
    one, other = (digits[int(i)].numpy() / 255 for i in random.integers(len(digits), size=2))
    apart = int(random.integers(9, 22))
    ink = np.zeros((28, 28 + apart), np.float32)
    ink[:, :28] = one
    ink[:, apart:] = np.maximum(ink[:, apart:], other)
    return np.asarray(zoom(ink, 2, order=1), np.float32).clip(0, 1)


def warp(ink: Ink, random: np.random.Generator) -> Ink:
    """Lean, turn and stretch it a little."""
    angle, lean, tall = random.uniform(-0.25, 0.25), random.uniform(-0.3, 0.3), random.uniform(0.75, 1.3)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[1, 0], [lean, tall]])
    padded = np.pad(ink, 15)
    middle = (np.array(padded.shape) - 1) / 2
    warped: npt.NDArray[Any] = affine_transform(padded, matrix, middle - matrix @ middle, order=1)
    return np.asarray(warped.clip(0, 1), np.float32)
