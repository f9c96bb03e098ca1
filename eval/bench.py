"""Every figure that Ragstone claims, measured in one run: `make bench`.

Prints a table and writes it to eval/results/bench.json; exit code 1 if a figure misses its target.
`--only quality` (speed, bm25, startup) runs a part and writes nothing.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import bench_bm25
import bench_quality
import bench_speed
import bench_startup
from beir import COLLECTIONS
from machine import describe

HERE = Path(__file__).resolve().parent
PARTS: dict[str, Callable[[Path], list[dict[str, object]]]] = {
    "startup": bench_startup.measure,
    "speed": bench_speed.measure,
    "bm25": bench_bm25.measure,
    "quality": bench_quality.measure,
}


def meets(row: dict[str, object]) -> bool:
    """Whether a row's value is on the right side of its target."""
    value = float(str(row["value"]))
    if "at_least" in row:
        return value >= float(str(row["at_least"]))
    return value <= float(str(row["at_most"]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=HERE.parent.parent / "shared" / "data", help=f"folder with {COLLECTIONS}"
    )
    parser.add_argument("--only", choices=list(PARTS), help="run one part; write no result")
    arguments = parser.parse_args()
    rows: list[dict[str, object]] = []
    for name, measure in PARTS.items():
        if arguments.only in (None, name):
            for row in measure(arguments.data):
                bound = f">= {row['at_least']}" if "at_least" in row else f"<= {row['at_most']}"
                verdict = "ok  " if meets(row) else "MISS"
                print(f"{verdict} {row['measure']}: {row['value']} ({bound})", flush=True)
                rows.append({"part": name, **row})
    if arguments.only is None:
        result = {
            "measured": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "machine": describe(),
            "rows": rows,
        }
        file = HERE / "results" / "bench.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        print(f"written to {os.path.relpath(file)}")
    return 0 if all(meets(row) for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
