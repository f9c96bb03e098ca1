"""How well conflicting documents are told from look-alikes, and how often ordinary answers are said to conflict.

    python eval/bench_conflicts.py [--split dev|held] [--data DIR] [--out FILE] [--show]

Hand-made pairs (eval/data/conflicts.jsonl, one half held out): precision and recall. With ``--data``, quotes from
SQuAD 2.0, HotpotQA-100, Cranfield and XQuAD zh (the recipe ``extractive``): the share of answers that report a
conflict. Nobody put conflicts there, so nearly every one is a false alarm.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from machine import describe

import rag
from rag.grounding import report_conflicts
from rag.grounding.conflicts import find_disputes
from rag.grounding.evidence import read_evidence
from rag.types import Chunk, Conflict, Document, Hit

HERE = Path(__file__).resolve().parent
PAIRS = HERE / "data" / "conflicts.jsonl"
FILES = ("corpus.jsonl", "queries.jsonl")
COLLECTIONS = ("squad2", "hotpotqa-100", "cranfield", "xquad-zh")


def found(row: dict[str, object]) -> bool:
    """Whether a sentence of the one text is said to conflict with one of the other."""
    hits = []
    for rank, side in enumerate(("a", "b"), start=1):
        said = row[side]
        assert isinstance(said, dict)
        document = Document(f"file:///{side}.md", said["text"], said["title"])
        chunk = Chunk(document.id, document.uri, 0, len(document.text), document.text, document.title,
                      language=str(row["language"]))  # fmt: skip
        hits.append(Hit(chunk, 1.0, rank))
    evidence = read_evidence(hits, str(row["language"]))
    first = [unit for unit in evidence if unit.hit is hits[0]]
    return any(find_disputes(str(row["question"]), unit, evidence) for unit in first)


def pairs(split: str, *, show: bool) -> dict[str, object]:
    """Precision and recall on the hand-made pairs."""
    rows = [json.loads(line) for line in PAIRS.read_text("utf-8").splitlines()]
    rows = [row for row in rows if split in ("", row["split"])]
    counts: Counter[tuple[bool, bool]] = Counter()
    languages: Counter[tuple[str, bool, bool]] = Counter()
    seconds = 0.0
    for row in rows:
        started = time.perf_counter()
        flagged = found(row)
        seconds += time.perf_counter() - started
        counts[row["conflict"], flagged] += 1
        languages[row["language"], row["conflict"], flagged] += 1
        if show and flagged != row["conflict"]:
            print(
                "missed" if row["conflict"] else "FALSE ",
                row["id"],
                row["kind"],
                row["a"]["text"],
                "|",
                row["b"]["text"],
            )
    hit, miss, alarm = counts[True, True], counts[True, False], counts[False, True]
    result = {
        "split": split or "all",
        "conflicts": hit + miss,
        "look_alikes": alarm + counts[False, False],
        "precision": round(hit / max(hit + alarm, 1), 4),
        "recall": round(hit / max(hit + miss, 1), 4),
        "recall_by_language": {
            name: round(languages[name, True, True] / max(sum(languages[name, True, f] for f in (True, False)), 1), 4)
            for name in sorted({row["language"] for row in rows})
        },
        "ms": round(1000 * seconds / len(rows), 2),
    }
    print(json.dumps(result))
    return result


def alarms(folder: Path, limit: int, *, show: bool) -> dict[str, object]:
    """The share of a collection's answers that report a conflict, and the milliseconds that looking for one takes."""
    queries = [json.loads(line)["text"] for line in (folder / "queries.jsonl").read_text("utf-8").splitlines()]
    answered = reported = 0
    seconds = 0.0
    with tempfile.TemporaryDirectory() as place, rag.open(Path(place) / "index", recipe="extractive") as index:
        index.add(folder / "corpus.jsonl")
        for query in queries[:: max(len(queries) // limit, 1)][:limit]:
            answer = index.ask(query)
            if answer.refused:
                continue
            answered += 1
            started = time.perf_counter()
            told = report_conflicts(answer).conflicts
            seconds += time.perf_counter() - started
            reported += bool(told)
            for conflict in told if show else ():
                print(f"  {query}\n    {shown(conflict)}")
    result = {
        "collection": folder.name, "answers": answered, "reported": reported,
        "share": round(reported / max(answered, 1), 4), "ms": round(1000 * seconds / max(answered, 1), 1),
        "data_sha256": {file: sha256((folder / file).read_bytes()).hexdigest() for file in FILES},
    }  # fmt: skip
    print(json.dumps(result))
    return result


def shown(conflict: Conflict) -> str:
    one, other = conflict.citations
    quotes = f"{one.title}: {one.quote}\n    {other.title}: {other.quote}"
    return f"{conflict.kind} {conflict.values} {conflict.about!r}\n    {quotes}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=("dev", "held"), default="", help="of the hand-made pairs; all by default")
    parser.add_argument("--data", type=Path, help=f"folder with {', '.join(COLLECTIONS)}")
    parser.add_argument("--limit", type=int, default=200, help="questions of each collection")
    parser.add_argument("--show", action="store_true", help="print what was missed and what was reported")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    where = {**describe(), "pairs_sha256": sha256(PAIRS.read_bytes()).hexdigest()}
    result: dict[str, object] = {**where, "pairs": pairs(arguments.split, show=arguments.show)}
    if arguments.data:
        result["alarms"] = [alarms(arguments.data / name, arguments.limit, show=arguments.show) for name in COLLECTIONS]
    if arguments.out:
        arguments.out.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
