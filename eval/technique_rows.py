"""What eval/results says of each technique: rows for the tables of docs/techniques.md, a function a family.

Every figure is read from a result; a result that is not there gives a row that says so. Advice follows from the tests
by one rule for all (``techniques.py``); only what a technique is for is written here by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.evaluation.ranking.significance import holm

Json = dict[str, Any]
NAMES = {"cranfield": "Cranfield", "hotpotqa-100": "HotpotQA-100", "squad2": "SQuAD 2", "xquad-zh": "XQuAD zh"}
MISSING = "not measured"
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure with a technique and without it; ``p`` of the difference, or its 95% ``interval``, where it was tested.

    ``decides`` is False where the measure says nothing about whether the technique pays.
    """

    name: str
    value: float
    base: float | None = None
    p: float | None = None
    decides: bool = True
    interval: tuple[float, float] | None = None

    @property
    def gain(self) -> float:
        """With the technique, less without it."""
        return self.value - self.base if self.base is not None else 0.0

    @property
    def tested(self) -> bool:
        """Whether anything says how sure the difference is."""
        return self.p is not None or self.interval is not None

    @property
    def significant(self) -> bool:
        """Whether that is sure enough: p < .05, or 0 outside of the interval."""
        if self.interval is not None:
            return not self.interval[0] <= 0 <= self.interval[1]
        return self.p is not None and self.p < ALPHA


@dataclass(frozen=True, slots=True)
class Row:
    """A technique on one set of questions. ``setting`` turns it on, ``use`` is what to take it for if it pays."""

    technique: str
    on: str
    measures: tuple[Measure, ...] = ()
    tokens: str = MISSING
    ms: str = MISSING
    setting: str = ""
    use: str = "turn it on"


def load(results: Path, name: str) -> Any:
    """A result, or None where it has not been measured."""
    path = results / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def number(value: float | None) -> str:
    """Tokens or milliseconds, as exact as they mean something."""
    if value is None:
        return MISSING
    return f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:.1f}"


def pair(base: float | None, value: float | None) -> str:
    """Without the technique, and with it."""
    return number(value) if base is None or number(base) == number(value) else f"{number(base)} → {number(value)}"


def tested(comparisons: list[Json], system: str, decides: Mapping[str, bool]) -> tuple[Measure, ...]:
    """The measures of a system in the order of ``decides``, from records of paired comparisons."""
    found = {one["measure"]: one for one in comparisons if one["system"] == system}
    return tuple(
        Measure(name, one["system_mean"], one["baseline_mean"], one["p_corrected"], of)
        for name, of in decides.items()
        if (one := found.get(name))
    )


def search(results: Path) -> Iterator[Row]:
    """Better search without a language model."""
    singles = {
        "sentences": ("`retrieval.sentences = 0.5`", "for questions after one fact"),
        "feedback": ("`retrieval.feedback = 1.0`", "for questions about a topic"),
        "hops": ("`retrieval.hops = 1`", "for questions that need two documents"),
    }
    record = load(results, "retrieval")
    rows = [row for row in record["rows"] if row["collection"] != "mean"] if record else []
    base = {row["collection"]: row for row in rows if row["technique"] == "default"}
    corrected = holm([row["p"] for row in rows if row["technique"] in singles])
    p_of = {
        (row["technique"], row["collection"]): p
        for row, p in zip((row for row in rows if row["technique"] in singles), corrected, strict=True)
    }
    for technique, (name, use) in singles.items():
        setting = name.strip("`")
        if record is None:
            yield Row(name, MISSING, setting=setting, use=use)
        for row in rows:
            if row["technique"] == technique:
                plain = base[row["collection"]]
                yield Row(
                    name,
                    f"{NAMES[row['collection']]} ({row['questions']:,})",
                    (
                        Measure("nDCG@10", row["ndcg"], plain["ndcg"], p_of[technique, row["collection"]]),
                        Measure("R@5", row["recall"], plain["recall"], decides=False),
                    ),
                    "0",
                    pair(plain["milliseconds"], row["milliseconds"]),
                    setting,
                    use,
                )
    for recipe, suites, use in (
        ("multihop", ["multihop"], "for questions that need two documents"),
        (
            "best-local",
            ["best-local-cranfield", "multihop", "best-local-squad2", "best-local-xquad-zh"],
            "where its milliseconds do not matter",
        ),
    ):
        for suite in suites:
            by_name = {one["name"]: one for one in load(results, suite) or ()}
            if recipe not in by_name:
                yield Row(f"recipe `{recipe}`", MISSING, use=use)
                continue
            one = by_name[recipe]
            milliseconds = [1000 * by_name[name]["retrieval_latency"]["p50"] for name in ("default", recipe)]
            comparisons = [each["comparison"] for each in one["comparisons"]]
            measures = tested(comparisons, recipe, {"nDCG@10": True, "R@5": True})
            on = f"{NAMES[one['dataset']]} ({one['questions']:,})"
            yield Row(f"recipe `{recipe}`", on, measures, "0", pair(*milliseconds), use=use)


def queries(results: Path) -> Iterator[Row]:
    """Query transforms by the recipe's generator."""
    records = {name: load(results, f"queries-{name}") for name in ("hotpotqa-100", "squad2")}
    for transform in ("multi-query", "hyde", "step-back", "decompose"):
        setting = f"queries.transform = {transform}"
        for name, record in records.items():
            lines = [line for line in record["lines"] if line["transform"] == transform] if record else []
            if not lines:
                yield Row(f"`{transform}`", f"{NAMES[name]}: {MISSING}", setting=setting)
            for line in lines:
                raw = record["lines"][0]
                system = f"{transform} {line['raw_weight']:g}"
                measures = tested(record["comparisons"], system, {"nDCG@10": True, "R@5": True})
                weight = "" if len(lines) == 1 else f", weight {line['raw_weight']:g}"
                yield Row(
                    f"`{transform}`",
                    f"{NAMES[name]} ({record['asked']:,}){weight}, {record['model']}",
                    measures,
                    pair(0, line["prompt_tokens"] + line["output_tokens"]),
                    pair(raw["search_ms"], line["transform_ms"] + line["search_ms"]),
                    setting,
                )


def chunking(results: Path) -> Iterator[Row]:
    """Ways of cutting, and of giving more than was found."""
    record = load(results, "chunking")
    by_model = ("cut by the model", "contexts by the model")
    if record is None:
        yield Row("all", MISSING)
    for result in record["results"] if record else ():
        base = result["rows"][0]
        for row in result["rows"][1:]:
            slower = row["index_seconds_per_1000_tokens"] / base["index_seconds_per_1000_tokens"]
            indexed = row.get("index_model_tokens_per_1000_tokens", 0)
            yield Row(
                row["technique"],
                f"{NAMES[result['collection']]}, joined ({result['questions']:,})",
                tested(result["comparisons"], row["technique"], {"gold@500": True, "gold@1000": True}),
                pair(6 * base["tokens_a_hit"], 6 * row["tokens_a_hit"])
                + (f"; {number(indexed)} for 1,000 indexed" if indexed else ""),
                f"{pair(base['search_ms'], row['search_ms'])}; indexing × {slower:.1f}",
                use="where the model reads few tokens",
            )
    measured = {row["technique"] for result in (record or {"results": ()})["results"] for row in result["rows"]}
    for technique in by_model:
        if technique not in measured:
            yield Row(technique, MISSING)


def chains(results: Path) -> Iterator[Row]:
    """More than one search or answer; and who writes the answer."""
    record = load(results, "chains")
    counted = {"contains": True, "f1": True, "cited": True, "read": False}
    for chain in ("multi-hop", "decompose", "map-reduce", "refine"):
        setting = f"chain.kind = {chain}"
        use = "for lists and comparisons" if chain == "map-reduce" else "for questions that need several passages"
        rows = [row for row in record["rows"] if row.get("chain") == chain] if record else []
        if not rows:
            yield Row(f"`{chain}`", MISSING, setting=setting)
        for row in rows:
            same = [
                one for one in record["rows"] if one["data"] == row["data"] and one["generator"] == row["generator"]
            ]
            base = next(one for one in same if one.get("chain") == "one-shot")
            comparisons = [one["comparison"] for one in same if "comparison" in one]
            yield Row(
                f"`{chain}`, {row['generator']}",
                f"{NAMES.get(row['data'], 'lists over HotpotQA-100')} ({row['n']:,})",
                tested(comparisons, chain, counted),
                pair(base["tokens"], row["tokens"]),
                pair(base["ms"], row["ms"]),
                setting,
                use,
            )
    name = "answers written by smollm2 (against quotes)"
    for suite in ("squad2-answers", "hotpotqa-100-answers"):
        by_name = {one["name"]: one for one in load(results, suite) or ()}
        if set(by_name) != {"default", "extractive"}:
            yield Row(name, MISSING, setting="generator.kind = llama.cpp")
            continue
        one = by_name["default"]
        comparisons = [each["comparison"] for each in one["comparisons"]]
        yield Row(
            name,
            f"{NAMES[one['dataset']]} ({one['questions']:,})",
            tested(comparisons, "default", {"contains": True, "F1": True, "faithfulness": True, "over_refusal": False}),
            MISSING,
            pair(*[1000 * by_name[of]["answer_latency"]["p50"] for of in ("extractive", "default")]),
            "generator.kind = llama.cpp",
            "where an answer in words is wanted",
        )


def conversation(results: Path) -> Iterator[Row]:
    """Follow-up questions, on the held-out half."""
    record = load(results, "followups")
    rows = {row["system"]: row for row in record["rows"] if row["half"] == "held"} if record else {}
    settings = {
        "rules, alone": "",
        "rules, fused": "conversation.rewrite = rules",
        "model, alone": "",
        "model, fused": "conversation.rewrite = llm",
        "both, fused": "conversation.rewrite = both",
    }
    plain = rows.get("as it is")
    known = [system for system in settings if "p" in rows.get(system, {})]
    p_of = dict(zip(known, holm([rows[system]["p"] for system in known]), strict=True))
    for system, setting in settings.items():
        name = f"rewrite by {system}"
        if plain is None or system not in rows:
            yield Row(name, MISSING, setting=setting)
            continue
        row = rows[system]
        yield Row(
            name,
            f"follow-ups over SQuAD 2 ({row['questions']})",
            (
                Measure("R@5", row["recall@5"], plain["recall@5"], p_of.get(system)),
                Measure("share of the standalone question's", row["ratio"], plain["ratio"], decides=False),
            ),
            pair(plain.get("tokens"), row["tokens"]) if "tokens" in row else MISSING,
            pair(plain.get("milliseconds"), row["milliseconds"]) if "milliseconds" in row else MISSING,
            setting,
            "in conversations" if setting else "only where one query is all that can be searched",
        )
    if row := rows.get("change of subject"):
        yield Row(
            "rewrite by rules, fused",
            f"questions that stand alone, after another subject ({row['questions']})",
            (Measure("R@5", row["recall@5"], row["recall@5"] / row["ratio"], row.get("p")),),
            "0",
            setting="conversation.rewrite = rules",
        )
