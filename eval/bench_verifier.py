"""How well each verifier tells supported claims from wrong ones, and what it makes of real answers.

    python eval/bench_verifier.py --data DIR [--judge RECIPE --judged 40] [--answers FOLDER ...] [--out FILE]

1. Pairs made from SQuAD 2.0 by rule (verifier_pairs.py), each article by weights that were fitted to the others: AUROC,
   Brier score, calibration error, and in how many articles the combination beats words and embeddings. ``open``
   are the pairs that break no hard rule: only those reach a verifier.
2. The weights that ship on pairs made from HotpotQA-100, which they have not seen.
3. With ``--judge``, a language model as judge on some of the open pairs, and what it adds to the combination.
4. With ``--answers``, folders of ``rag eval --answers``: their drafts are proved again with each verifier. Counted
   are the answers given, and those of them that hold a gold answer.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
from beir import read_collection
from machine import describe
from pydantic import TypeAdapter
from train_verifier import Data, area, calibration, left_out, read, report
from verifier_pairs import read_pairs

from rag.grounding import ground
from rag.grounding.verifiers import CombinedVerifier, EmbeddingVerifier, JudgeVerifier, LexicalVerifier, load_weights
from rag.protocols import Embedder, Verifier
from rag.recipe import build_embedder, build_generator, load_recipe
from rag.tracing import recording
from rag.types import Answer

HERE = Path(__file__).resolve().parent


def by_article(data: Data, one: np.ndarray, other: np.ndarray) -> dict[str, list[float]]:
    """AUROC on the open pairs of each article, by two measures."""
    groups = np.array([pair.group for pair in data.pairs])
    table = {}
    for group in sorted(set(groups)):
        at = (groups == group) & data.open
        table[group] = [round(area(data.y[at], scores[at]), 4) for scores in (one, other)]
    return table


def squad(folder: Path, embedder: Embedder) -> tuple[Data, dict[str, object]]:
    data = read(read_pairs(folder), {}, embedder)
    names = list(load_weights().weights)
    combined = left_out(data, [data.names.index(name) for name in names])
    scores = {"rules": data.words, "embedding": data.lifted, "combined": combined}
    print(f"SQuAD 2.0: {len(data.pairs)} pairs, {int(data.open.sum())} open; each article left out in its turn")
    table = report(data, scores)
    articles = by_article(data, data.lifted, combined)
    better = sum(after > before for before, after in articles.values())
    print(f"open pairs, embedding against combined: better in {better} of {len(articles)} articles")
    brier, ece = calibration(data.y[data.open], combined[data.open])
    print(f"combined, open pairs: Brier {brier:.3f}, calibration error {ece:.3f}")
    return data, {
        "pairs": len(data.pairs), "open": int(data.open.sum()), "table": table, "open_by_article": articles,
        "combined_open": {"brier": brier, "ece": ece}, "ms_a_pair": timed(data, embedder),
    }  # fmt: skip


def timed(data: Data, embedder: Embedder, count: int = 100) -> dict[str, float]:
    """Milliseconds for an open pair, read one by one as a claim is when its answer is checked."""
    rows = random.Random(0).sample(np.flatnonzero(data.open).tolist(), min(count, int(data.open.sum())))
    kinds: dict[str, Verifier] = {
        "rules": LexicalVerifier(), "embedding": EmbeddingVerifier(embedder), "combined": CombinedVerifier(embedder)
    }  # fmt: skip
    taken = {}
    for name, verifier in kinds.items():
        started = time.perf_counter()
        for i in rows:
            verifier.support(data.pairs[i].claim, data.pairs[i].evidence)
        taken[name] = round(1000 * (time.perf_counter() - started) / len(rows), 2)
    print("milliseconds a pair:", json.dumps(taken))
    return taken


def hotpot(folder: Path, embedder: Embedder) -> dict[str, object]:
    data = read(read_pairs(folder, per_group=100), {}, embedder)
    logistic = load_weights()
    p = np.array([logistic(dict(zip(data.names, row, strict=True))) for row in data.x.tolist()])
    combined = np.where(data.open, p, np.minimum(data.words, logistic.broken))
    print(f"HotpotQA-100: {len(data.pairs)} pairs, {int(data.open.sum())} open; the weights that ship")
    table = report(data, {"rules": data.words, "embedding": data.lifted, "combined": combined})
    return {"pairs": len(data.pairs), "open": int(data.open.sum()), "table": table}


def judged(data: Data, recipe: str, count: int) -> dict[str, object]:
    """The judge's AUROC on a sample of open pairs, and that of the mean of its logit and the combination's."""
    generator = build_generator(load_recipe(recipe), None)
    judge = JudgeVerifier(generator)
    rng = random.Random(0)
    sample: list[int] = []
    for wanted in (True, False):
        rows = [i for i, pair in enumerate(data.pairs) if data.open[i] and pair.supported == wanted]
        sample += rng.sample(rows, min(count // 2, len(rows)))
    with recording("judge") as run:
        said = np.array([judge.support(data.pairs[i].claim, data.pairs[i].evidence) for i in sample])
    trace = run.trace
    seconds = trace.seconds / max(len(sample), 1)
    tokens = (trace.prompt_tokens + trace.output_tokens) / max(len(sample), 1)
    names = list(load_weights().weights)
    combined = left_out(data, [data.names.index(name) for name in names])[sample]
    y = data.y[sample]
    together = np.log(combined / (1 - combined)) + np.log(said.clip(1e-6) / (1 - said).clip(1e-6))
    result: dict[str, object] = {
        "judge": recipe, "pairs": len(sample), "seconds_a_pair": round(seconds, 3),
        "tokens_a_pair": round(tokens, 1),
        "judge_auroc": round(area(y, said), 4), "embedding_auroc": round(area(y, data.lifted[sample]), 4),
        "combined_auroc": round(area(y, combined), 4), "both_auroc": round(area(y, together), 4),
    }  # fmt: skip
    print(json.dumps(result))
    return result


def answers(folder: Path, data: Path, embedder: Embedder) -> dict[str, object]:
    """Answers given and right ones, by verifier; an answer is right where a proved sentence holds a gold answer."""
    adapter = TypeAdapter(Answer)
    rows = [json.loads(line) for line in (folder / "finished.jsonl").read_text("utf-8").splitlines()]
    collection = folder.parent.name.removesuffix("-answers")
    lines = (data / collection / "qa.jsonl").read_text("utf-8").splitlines()
    gold = {row["_id"]: row for row in map(json.loads, lines)}
    # words and embeddings are grounding's own
    kinds: dict[str, Verifier | None] = {"rules": None, "embedding": None, "combined": CombinedVerifier(embedder)}
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        if not row.get("answer"):
            continue
        said = adapter.validate_python(row["answer"])
        wanted = gold[row["id"]]
        for name, verifier in kinds.items():
            lift = None if name == "rules" else embedder
            given = ground(said.question, said.draft, said.hits, dropped=said.dropped, embedder=lift, verifier=verifier)
            proved = " ".join(sentence.text for sentence in given.sentences if sentence.supported).casefold()
            count = counts[name]
            count["answered"] += not given.refused
            count["right"] += any(text.casefold() in proved for text in wanted["answers"])
            count["answered_unanswerable"] += not given.refused and not wanted.get("answerable", True)
            count["sentences"] += len(given.sentences)
            count["supported"] += sum(sentence.supported for sentence in given.sentences)
    table = {name: dict(count) for name, count in counts.items()}
    print(folder.parent.name, folder.name, json.dumps(table))
    return {"folder": f"{folder.parent.name}/{folder.name}", "questions": len(rows), "by_verifier": table}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=HERE.parent.parent / "shared" / "data", help="holds squad2, hotpotqa-100"
    )
    parser.add_argument("--judge", default="", help="a recipe whose generator judges")
    parser.add_argument("--judged", type=int, default=40, help="pairs it reads")
    parser.add_argument("--answers", type=Path, nargs="*", default=[], help="folders of rag eval --answers")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    embedder = build_embedder(load_recipe("default"))
    assert embedder is not None
    data, pairs = squad(arguments.data / "squad2", embedder)
    names = ("squad2", "hotpotqa-100")
    hashes = {name: dict(read_collection(arguments.data / name).sha256) for name in names}
    result: dict[str, object] = {**describe(), "data_sha256": hashes, "squad2": pairs}
    result["hotpotqa-100"] = hotpot(arguments.data / "hotpotqa-100", embedder)
    if arguments.judge:
        result["judge"] = judged(data, arguments.judge, arguments.judged)
    result["answers"] = [answers(folder, arguments.data, embedder) for folder in arguments.answers]
    if arguments.out:
        arguments.out.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
