"""What the measures mean: the words for each."""

from __future__ import annotations

MEANINGS = {
    "nDCG@10": "evaluate.ndcg",
    "AP": "evaluate.ap",
    "RR": "evaluate.rr",
    "R@10": "evaluate.recall_10",
    "R@100": "evaluate.recall_100",
    "Judged@10": "evaluate.judged",
    "EM": "evaluate.em",
    "F1": "evaluate.f1",
    "contains": "evaluate.contains",
    "refusal_precision": "evaluate.refusal_precision",
    "refusal_recall": "evaluate.refusal_recall",
    "over_refusal": "evaluate.over_refusal",
    "AUROC": "evaluate.auroc",
    "AURC": "evaluate.aurc",
    "citation_recall": "evaluate.citation_recall",
    "citation_precision": "evaluate.citation_precision",
    "citation_exactness": "evaluate.citation_exactness",
    "faithfulness": "evaluate.faithfulness",
    "answer_relevance": "evaluate.answer_relevance",
    "context_precision": "evaluate.context_precision",
    "context_recall": "evaluate.context_recall",
}
