"""The tables of docs/techniques.md, made from eval/results: no figure there is written by hand.

    python eval/techniques.py            rewrites the parts between `<!-- table: NAME -->` and `<!-- end -->`
    python eval/techniques.py --check    writes nothing; exit code 5 if the page is not what the results say

Advice follows from the tests. A technique helps where a measure that decides is better with p < .05 in one set of
questions at least, and worse in none; it harms where it is the other way round.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from technique_checks import attacks, refusals
from technique_rows import MISSING, Measure, Row, chains, chunking, conversation, load, queries, search

from rag.recipe import load_recipe

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "techniques.md"
RESULTS = HERE / "results"
FAMILIES: dict[str, Callable[[Path], Iterator[Row]]] = {
    "search": search,
    "queries": queries,
    "chunking": chunking,
    "chains": chains,
    "conversation": conversation,
    "refusals": refusals,
    "attacks": attacks,
}
VERDICTS = {
    "helps": "Better in at least one set of questions, worse in none",
    "mixed": "Better in one, worse in another",
    "harms": "Worse",
    "same": "No difference shown",
    "untested": "Measured, but no test decides",
    MISSING: "Not measured",
}
_PART = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def verdict(rows: Iterable[Row]) -> str:
    """A technique's, over all its rows: a key of VERDICTS."""
    rows = list(rows)
    tested = [one for row in rows for one in row.measures if one.decides and one.tested]
    better = any(one.gain > 0 for one in tested if one.significant)
    worse = any(one.gain < 0 for one in tested if one.significant)
    if better or worse:
        return "mixed" if better and worse else "helps" if better else "harms"
    if tested:
        return "same"
    return "untested" if any(row.measures for row in rows) else MISSING


def advice(rows: list[Row]) -> str:
    """What follows from the tests."""
    use = rows[0].use
    on = is_default(rows[0].setting)
    return {
        "helps": f"helps: {use}",
        "mixed": f"mixed: {use}, if your own questions show it",
        "harms": "harms here: mind that it is on" if on else "harms here: leave it off",
        "same": "no difference shown" + ("" if on else ": leave it off"),
        "untested": "no test decides" + (f": {use}" if use and not on else ""),
        MISSING: MISSING,
    }[verdict(rows)]


def is_default(setting: str) -> bool:
    """Whether the recipe ``default`` has "section.key = value"."""
    key, _, value = setting.partition(" = ")
    section, _, name = key.partition(".")
    return bool(setting) and str(getattr(getattr(load_recipe("default"), section), name)) == value


def share(value: float, *, signed: bool = False) -> str:
    """A figure between -1 and 1 to three places, as .123."""
    text = f"{value:+.3f}" if signed else f"{value:.3f}"
    return text.replace("0.", ".", 1).replace("-", "−")


def probability(p: float) -> str:
    """A p-value."""
    return "p < .001" if p < 0.001 else f"p {share(p)}"


def quality(one: Measure) -> str:
    """A measure: without the technique, with it, the difference, and its p-value."""
    if one.base is None:
        return f"{one.name} {share(one.value)}"
    told = share(one.gain, signed=True) + (f", {probability(one.p)}" if one.p is not None else "")
    if one.interval is not None:
        told += f", 95%: {share(one.interval[0], signed=True)} to {share(one.interval[1], signed=True)}"
    marked = f"**{told}**" if one.significant else told
    return f"{one.name} {share(one.base)} → {share(one.value)} ({marked})"


def table(rows: Iterable[Row]) -> Iterator[str]:
    """Lines of Markdown; a technique's name, default and advice stand in its first row."""
    yield "| technique | measured on (questions) | quality | tokens | ms | default | advice |"
    yield "|---|---|---|---|---|---|---|"
    for technique, group in by_technique(rows):
        default = ("on" if is_default(group[0].setting) else "off") if group[0].setting else ""
        head = (technique, default, advice(group))
        for row in group:
            cells = (head[0], row.on, "; ".join(map(quality, row.measures)) or MISSING, row.tokens, row.ms, *head[1:])
            yield f"| {' | '.join(cells)} |"
            head = ("", "", "")


def by_technique(rows: Iterable[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Rows of a technique together, in the order of its first."""
    order: dict[str, list[Row]] = {}
    for row in rows:
        order.setdefault(row.technique, []).append(row)
    yield from order.items()


def summary(results: Path) -> Iterator[str]:
    """Techniques by verdict, and the largest change that was found."""
    by_verdict: dict[str, dict[str, list[str]]] = {name: {} for name in VERDICTS}
    for family, rows in FAMILIES.items():
        if family != "attacks":
            for technique, group in by_technique(rows(results)):
                found = verdict(group)
                on = ", on by default" if any(is_default(row.setting) for row in group) else ""
                by_verdict[found].setdefault(family, []).append(technique + largest(group, found) + on)
    for name, told in VERDICTS.items():
        if by_verdict[name]:
            yield f"- **{told}**"
        for family, techniques in by_verdict[name].items():
            yield f"  - {family}: {'; '.join(techniques)}"


def largest(rows: list[Row], found: str) -> str:
    """The largest significant change, in brackets."""
    changes = [
        (one.gain, one.name, row.on)
        for row in rows
        for one in row.measures
        if one.decides and one.significant and found in ("helps", "harms")
    ]
    if not changes:
        return ""
    change, name, on = max(changes, key=lambda one: abs(one[0]))
    return f" ({name} {share(change, signed=True)}, {on.partition(' (')[0]})"


def machines(results: Path) -> Iterator[str]:
    """Where the results were measured."""
    found: dict[str, list[str]] = {}
    for path in sorted(results.glob("*.json")):
        for record in as_list(load(results, path.stem)):
            where = record.get("provenance") or record.get("where") or record
            told = where.get("machine") if isinstance(where, dict) else None
            told = told.get("machine") if isinstance(told, dict) else told
            if told and path.stem not in found.setdefault(told, []):
                found[told].append(path.stem)
    for told, names in found.items():
        yield f"- {told}: {', '.join(names)}"


def as_list(record: Any) -> list[dict[str, Any]]:
    """A result's records: a suite's are a list."""
    return record if isinstance(record, list) else [record]


def _family(rows: Callable[[Path], Iterator[Row]], results: Path) -> Iterator[str]:
    return table(rows(results))


def page(text: str, results: Path) -> str:
    """The page with its parts made anew. Raises SystemExit where it has a part that nothing makes, or lacks one."""
    makers: dict[str, Callable[[], Iterator[str]]] = {
        "summary": lambda: summary(results),
        "machines": lambda: machines(results),
        **{name: partial(_family, rows, results) for name, rows in FAMILIES.items()},
    }
    parts = [match[2] for match in _PART.finditer(text)]
    if sorted(parts) != sorted(makers):
        raise SystemExit(f"{PAGE.name} has the parts {sorted(parts)}; {sorted(makers)} are made")
    return _PART.sub(lambda match: match[1] + "\n".join(makers[match[2]]()) + "\n" + match[3], text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; 5 if the page is not what the results say")
    arguments = parser.parse_args()
    text = PAGE.read_text("utf-8")
    made = page(text, RESULTS)
    if made == text:
        return 0
    if arguments.check:
        print(f"docs/{PAGE.name} is not what eval/results says: run python eval/techniques.py", file=sys.stderr)
        return 5
    PAGE.write_text(made, "utf-8")
    print(f"wrote docs/{PAGE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
