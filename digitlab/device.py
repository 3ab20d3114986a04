"""Where the numbers live and are multiplied: the processor (CPU), an NVIDIA GPU (CUDA) or Apple's (MPS)."""

from __future__ import annotations

import torch

from digitlab.checks import check_choice, checked
from digitlab.names import DEVICES


@checked
def choose_device(name: str = "auto") -> torch.device:
    """``"auto"`` takes CUDA if there is one, else Apple's MPS, else the CPU; another must be there."""
    check_choice("device", name, DEVICES)
    if name == "auto":
        name = next(device for device in ("cuda", "mps", "cpu") if is_available(device))
    if not is_available(name):
        raise ValueError(f"device {name!r} is not available here: use --device auto or cpu")
    return torch.device(name)


def is_available(name: str) -> bool:
    """Whether this machine has the device; every one has a CPU."""
    return {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}.get(name, True)


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 numbers in hardware. Elsewhere they are slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        abilities = torch.cpu.get_capabilities()
        return any(abilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
    return False
