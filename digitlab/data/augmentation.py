"""Augmentation: each training image a little changed, so that no two epochs show quite the same."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from digitlab.checks import check_range, checked


@checked
@dataclass(frozen=True)
class RandomAffine:
    """Turn, scale, shear and shift each image a little, at random. Lesson 11.

    Each number is the largest change to either side; each image gets its own, drawn evenly. A ``scale`` of 0.1
    means 0.9 to 1.1 times the size, ``shear`` is the sideways shift per unit of height, ``translate`` counts pixels.
    ``elastic`` bends the strokes (Simard et al. 2003): standard deviation, in pixels, of shifts at 5x5 points.

    Examples:
        >>> images = torch.rand(4, 1, 28, 28)
        >>> RandomAffine(degrees=10, translate=2)(images, torch.Generator().manual_seed(0)).shape
        torch.Size([4, 1, 28, 28])
    """

    degrees: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    translate: float = 0.0
    elastic: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            check_range(name, value, 0)

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Images ``(B, 1, H, W)`` on the scale 0..1, background 0; returns changed copies of the same shape."""
        # Drawn on the CPU whatever the device, so that a seed means the same images everywhere.
        changes = 2 * torch.rand(5, len(images), generator=generator, device="cpu") - 1
        angle, scale, shear, shift_x, shift_y = changes
        angle, scale = angle * math.radians(self.degrees), 1 / (1 + scale * self.scale)
        shear = shear * self.shear
        # Row by row, the 2x3 matrix: where each output pixel looks in the input (x, then y, from -1 to 1).
        cos, sin = angle.cos() * scale, angle.sin() * scale
        shift_x, shift_y = (shift * self.translate * 2 / images.shape[-1] for shift in (shift_x, shift_y))
        matrix = torch.stack([cos, cos * shear - sin, shift_x, sin, sin * shear + cos, shift_y], dim=1)
        grid = F.affine_grid(matrix.view(-1, 2, 3).to(images.device), list(images.shape), align_corners=False)
        if self.elastic > 0:
            shifts = torch.randn(len(images), 2, 5, 5, generator=generator, device="cpu").to(images.device)
            field = F.interpolate(shifts, size=images.shape[-2:], mode="bicubic", align_corners=False)
            grid = grid + field.permute(0, 2, 3, 1) * (self.elastic * 2 / images.shape[-1])
        return F.grid_sample(images, grid, align_corners=False)
