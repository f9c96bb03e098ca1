"""Where torch models run; the machine's own devices are not assumed."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from rag.errors import ModelError
from rag.models import torch_runtime


def test_half_precision_on_gpus_only():
    assert torch_runtime.default_dtype("cpu") is torch.float32
    assert torch_runtime.default_dtype("cuda") is torch_runtime.default_dtype("mps") is torch.float16


def test_the_gpu_is_found_by_torch_where_a_device_file_hints_at_one(monkeypatch, tmp_path):
    (tmp_path / "nvidia0").touch()
    monkeypatch.setattr(torch_runtime, "GPU_FILES", (str(tmp_path / "nvidia0"),))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert torch_runtime.gpu() == torch_runtime.device_for(None) == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert torch_runtime.gpu() == ""
    assert torch_runtime.device_for(None) == "cpu"


def test_no_device_file_no_torch():
    program = (
        "import sys; from rag.models import torch_runtime as r; r.GPU_FILES = (); sys.platform = 'linux'\n"
        "assert r.device_for(None) == 'cpu' and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_device_asked_for_must_be_there():
    assert torch_runtime.device_for("cpu") == "cpu"
    with pytest.raises(ModelError, match="device 'no-such' cannot be used"):
        torch_runtime.device_for("no-such")
