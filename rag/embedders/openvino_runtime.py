"""OpenVINO without its telemetry, and with one core a process."""

from __future__ import annotations

import importlib
import sys
import threading
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import openvino as ov

TELEMETRY = "openvino_telemetry"
_creating = threading.Lock()


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


def core() -> ov.Core:
    """The process's core, which is never let go.

    The CPU plugin gives the thread that loads it a stack for signal handlers, and unmaps that stack
    with the last reference to the core. Where another thread drops that reference, the next Ctrl-C
    in the first one is a segmentation fault.
    """
    with _creating:
        return _core()


@cache
def _core() -> ov.Core:
    return import_openvino().Core()
