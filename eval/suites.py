"""Every suite in this folder, run as a user runs it: `make eval`.

Keeps each one's summaries in eval/results/NAME.json, and its reports in runs/eval/NAME. Exit code 1 if a suite does not
come out as it expects. `--only squad2` (may be repeated) runs some, and writes their results too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from beir import COLLECTIONS

HERE = Path(__file__).resolve().parent
OUT = Path("runs") / "eval"


def run(suite: Path, data: Path) -> bool:
    """Run a suite afresh and keep its summaries; whether it passed."""
    out = OUT / suite.stem
    print(f"\n== {suite.stem}", flush=True)
    command = [str(Path(sys.executable).with_name("rag")), "eval", os.path.relpath(suite), "--out", str(out), "--fresh"]
    code = subprocess.run([*command, "--data", str(data)], check=False).returncode
    if code not in (0, 3, 5):
        return False
    summaries = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(out.rglob("summary.json"))]
    results = HERE / "results" / f"{suite.stem}.json"
    text = json.dumps(summaries, ensure_ascii=False, indent=2)
    for place in (str(data.resolve()), str(data)):  # where the data are is no part of the result
        text = text.replace(place, "DATA")
    results.write_text(f"{text}\n", encoding="utf-8")
    return code == 0


def main() -> int:
    suites = {path.stem: path for path in sorted(HERE.glob("*.toml"))}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help=f"folder with {COLLECTIONS}")
    parser.add_argument("--only", choices=list(suites), action="append", help="run this suite only")
    arguments = parser.parse_args()
    chosen = {name: path for name, path in suites.items() if name in (arguments.only or suites)}
    failed = [name for name, path in chosen.items() if not run(path, arguments.data)]
    print(f"\nfailed: {', '.join(failed)}" if failed else "\nall suites came out as expected")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
