"""Importing Ragas: only where it is used, with its telemetry off, and with a reason where it cannot be."""

from __future__ import annotations

import importlib
import os
import re
from importlib.metadata import PackageNotFoundError, version

from rag.errors import MissingExtraError

_HINT = "pip install 'ragstone[ragas]'"
# langchain-community 0.4 removed the Vertex AI classes that ragas.llms imports
_COMMUNITY_BELOW = (0, 4)


def load_ragas() -> None:
    """Import Ragas, telling it to report nothing: neither now nor when the process ends, whatever the environment says.

    The environment keeps RAGAS_DO_NOT_TRACK=true, for child processes too. Raises MissingExtraError where Ragas is not
    installed or cannot be imported.
    """
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"
    try:
        analytics = importlib.import_module("ragas._analytics")
        importlib.import_module("ragas.metrics.collections")
    except ImportError as error:
        raise MissingExtraError(_reason(error), hint=_HINT) from error
    # who imported it before may have been asked already, and the answer is kept
    analytics.do_not_track.cache_clear()
    # ends the thread that sends events; nothing has been gathered, and a second call changes nothing
    analytics._analytics_batcher.shutdown()


def _reason(error: ImportError) -> str:
    try:
        ragas = version("ragas")
    except PackageNotFoundError:
        return "ragas is not installed"
    try:
        community = version("langchain-community")
    except PackageNotFoundError:
        return f"ragas {ragas} cannot be imported: {error}"
    numbers = re.match(r"(\d+)\.(\d+)", community)
    if numbers and (int(numbers[1]), int(numbers[2])) >= _COMMUNITY_BELOW:
        return (
            f"ragas {ragas} cannot be imported with langchain-community {community}: "
            "it needs langchain-community below 0.4"
        )
    return f"ragas {ragas} cannot be imported: {error}"
