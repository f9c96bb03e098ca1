"""Importing OpenVINO without its telemetry."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

TELEMETRY = "openvino_telemetry"


def import_openvino() -> ModuleType:
    """The openvino package, with the stub it carries in the place of its telemetry.

    ``import openvino`` alone forks a process that reports the import to Google Analytics. While
    openvino is first imported here, its telemetry package looks absent, which it is written for.
    """
    if "openvino" in sys.modules:
        return sys.modules["openvino"]
    present = sys.modules.get(TELEMETRY)
    sys.modules[TELEMETRY] = None  # type: ignore[assignment]  # import's own sign for "not there"
    try:
        return importlib.import_module("openvino")
    finally:
        del sys.modules[TELEMETRY]
        if present:
            sys.modules[TELEMETRY] = present
