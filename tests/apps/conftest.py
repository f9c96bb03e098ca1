"""The app's modules, as its own program finds them: in its folder."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "apps" / "document_qa"))
