"""Where torch models run: the device, the precision, and loading them without printing."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import ModelError

if TYPE_CHECKING:
    import torch

GPU_FILES = ("/dev/nvidia0", "/dev/nvidiactl", "/dev/dxg", "/dev/kfd")  # NVIDIA, WSL, AMD


def gpu() -> str:
    """Name of the GPU torch can use, "cuda" or "mps", else "". Imports torch only where a GPU may be."""
    apple = sys.platform == "darwin" and platform.machine() == "arm64"
    if not apple and not any(Path(file).exists() for file in GPU_FILES):
        return ""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else ""


def device_for(wanted: str | None) -> str:
    """The device asked for, else the GPU, else "cpu". Raises ModelError for one that is not there."""
    if wanted is None:
        return gpu() or "cpu"
    import torch

    try:
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"device {wanted!r} cannot be used: {reason}", hint="leave the device out") from error
    return wanted


def default_dtype(device: str) -> torch.dtype:
    """Half precision on a GPU; float32 on the CPU."""
    import torch

    return torch.float32 if torch.device(device).type == "cpu" else torch.float16


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Keep transformers from drawing progress bars: only the command line prints."""
    from transformers.utils import logging

    enabled = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if enabled:
            logging.enable_progress_bar()
