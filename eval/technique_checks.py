"""Rows of docs/techniques.md on refusals, verifiers, conflicts and attacks: what guards an answer."""

from __future__ import annotations

from collections.abc import Iterator
from math import comb
from pathlib import Path

from technique_rows import MISSING, NAMES, Json, Measure, Row, load, number, pair, tested


def sign_test(wins: int, losses: int) -> float:
    """Exact two-sided p of the sign test; 1 without a win or a loss."""
    n = wins + losses
    return min(1.0, 2 * sum(comb(n, k) for k in range(max(wins, losses), n + 1)) / 2**n) if n else 1.0


def refusals(results: Path) -> Iterator[Row]:
    """Who is refused, who checks, and what is told beside the answer."""
    record = load(results, "refusals")
    name, setting, use = "learned confidence", "grounding.confidence = learned", "where questions may have no answer"
    if record is None:
        yield Row(name, MISSING, setting=setting)
    found = {
        (one["collection"], one["confidence"]): {row["measure"].partition(": ")[2]: row for row in one["rows"]}
        for one in (record["results"] if record else ())
        if "confidence" in one
    }
    for one in (each for each in (record["results"] if record else ()) if "comparison" in each):
        rules, learned = (found[one["collection"], way] for way in ("rules", "learned"))
        more = ("AUROC of the score", "refusal precision", "refusal recall", "over-refusal")
        supported = "supported, of the answerable: quote holds gold"
        compared = one["comparison"]
        yield Row(
            name,
            f"{NAMES[one['collection']]} ({compared['n']:,}), {record['recipe']}",
            (
                *tested([compared], "learned", {"decided rightly": True}),
                *(
                    Measure(of, learned[of]["value"], rules[of]["value"], decides=False)
                    for of in (*more, supported)
                    if of in rules and of in learned
                ),
            ),
            pair(*(way["tokens a question, mean"]["value"] for way in (rules, learned))),
            pair(*(way["milliseconds a question, median"]["value"] for way in (rules, learned))),
            setting,
            use,
        )
    yield from opinions(load(results, "model-confidence"))
    yield from verifiers(load(results, "verifier"))
    yield from alarms(load(results, "conflicts"))


def opinions(record: Json | None) -> Iterator[Row]:
    """What the generator's own opinion adds to the learned confidence."""
    name = "the model's opinion in the confidence"
    if record is None:
        yield Row(name, MISSING, setting="grounding.ask_model = True")
        return
    base, *rows = record["rows"]
    for row in rows:
        first, *parts = row["measure"].split(" + ")
        if first != "learned":  # a signal by itself, which is no setting
            continue
        asked = "yes" in parts
        taken = [record["costs"][step] for step, of in (("ask model", asked), ("sample", set(parts) - {"yes"})) if of]
        yield Row(
            f"{name}: {' + '.join(parts)}",
            f"{NAMES['squad2']} ({record['questions']:,}), {record['generator']}",
            (Measure("AUROC", row["auroc"], base["auroc"], interval=(row["gain_low"], row["gain_high"])),),
            f"{number(sum(cost['prompt_tokens'] + cost['output_tokens'] for cost in taken))} more",
            f"{number(sum(cost['ms'] for cost in taken))} more",
            "grounding.ask_model = True" if asked else f"grounding.samples = {record['samples']}",
            "where questions may have no answer",
        )


def verifiers(record: Json | None) -> Iterator[Row]:
    """Who says that a sentence is supported."""
    name, setting = "verifier `combined` (against `embedding`)", "grounding.verifier = combined"
    use = "where a probability is wanted"
    if record is None:
        yield Row(name, MISSING, setting=setting)
        return
    for collection in ("squad2", "hotpotqa-100"):
        part = record[collection]
        articles = part.get("open_by_article", {}).values()
        wins, losses = (sum(a < b if up else a > b for a, b in articles) for up in (True, False))
        ms = part.get("ms_a_pair", {})
        yield Row(
            name,
            f"{NAMES[collection]}, open pairs" + (f" ({part['open']:,})" if "open" in part else ""),
            (
                Measure(
                    "AUROC",
                    part["table"]["combined"]["auroc_open"],
                    part["table"]["embedding"]["auroc_open"],
                    sign_test(wins, losses) if articles else None,
                    decides=False,
                ),
            ),
            "0",
            f"{pair(ms['embedding'], ms['combined'])} a claim" if ms else MISSING,
            setting,
            use,
        )
    for one in record["answers"]:
        plain, combined = (one["by_verifier"][kind] for kind in ("embedding", "combined"))
        yield Row(
            name,
            f"answers of {NAMES[one['folder'].partition('-answers')[0]]} ({one['questions']})",
            tuple(
                Measure(told, combined[key] / one["questions"], plain[key] / one["questions"], decides=False)
                for key, told in (
                    ("right", "answered with the gold answer"),
                    ("answered_unanswerable", "answered, but unanswerable"),
                )
            ),
            "0",
            "",
            setting,
            use,
        )
    judge, use = record.get("judge"), "with a model that judges well"
    if judge is None:
        yield Row("verifier `judge`", MISSING, setting="grounding.verifier = judge")
    else:
        yield Row(
            f"verifier `judge`, recipe {judge['judge']}",
            f"open pairs of SQuAD 2 ({judge['pairs']})",
            (Measure("AUROC", judge["judge_auroc"], judge["embedding_auroc"], decides=False),),
            f"{number(judge['tokens_a_pair'])} a claim" if "tokens_a_pair" in judge else MISSING,
            f"{number(1000 * judge['seconds_a_pair'])} a claim",
            "grounding.verifier = judge",
            use,
        )


def alarms(record: Json | None) -> Iterator[Row]:
    """Documents that disagree."""
    setting = "grounding.conflicts = report"
    if record is None:
        yield Row("conflicts reported", MISSING, setting=setting)
        return
    pairs = record["pairs"]
    told = [Measure(name, pairs[name], decides=False) for name in ("precision", "recall")]
    on = f"pairs made by hand, {pairs['split']} ({pairs['conflicts'] + pairs['look_alikes']})"
    ms = pairs.get("ms")
    yield Row("conflicts reported", on, tuple(told), "0", f"{number(ms)} a pair" if ms else MISSING, setting)
    for one in record.get("alarms", ()):
        alarm = (Measure("false alarms", one["share"], decides=False),)
        on = f"{NAMES[one['collection']]} ({one['answers']} answers)"
        yield Row("conflicts reported", on, alarm, "0", f"{number(one['ms'])} more", setting)


def attacks(results: Path) -> Iterator[Row]:
    """A hundred poisoned documents: what is ruled out, and what is not."""
    record = load(results, "injection")
    if record is None:
        yield Row("proof of every sentence, filters and tools apart from texts", MISSING)
    for one in record["summaries"] if record else ():
        shares = (("guarantees broken", "guarantees_broken"), ("attack in the draft", "attack_in_draft"),
                  ("attack in the answer", "attack_in_answer"), ("right", "right"), ("refused", "refused"))  # fmt: skip
        yield Row(
            f"{one['way']}, {one['generator']}",
            f"poisoned documents ({one['cases']})",
            tuple(Measure(told, one[key] / one["cases"], decides=False) for told, key in shares),
            number(one["tokens"] / one["cases"]) if "tokens" in one else MISSING,
            number(1000 * one["seconds"] / one["cases"]),
        )
