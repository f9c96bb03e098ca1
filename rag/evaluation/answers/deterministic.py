"""Faithfulness, answer relevance, context precision and context recall, without a language model.

The names are those of Ragas (Es et al., EACL 2024, "RAGAs: Automated Evaluation of Retrieval Augmented Generation");
here a claim is a sentence of the answer, support is a Verifier's, and the context is compared with the gold.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.evaluation.answers.citations import SUPPORT
from rag.evaluation.datasets import DocumentKey, Question, Span, document_key
from rag.evaluation.scores import Score
from rag.protocols import Embedder, Verifier
from rag.text.budgets import beginning
from rag.types import Answer, Hit

__all__ = ["answer_relevance", "context_precision", "context_recall", "faithfulness"]


def faithfulness(answer: Answer, verifier: Verifier, *, threshold: float = SUPPORT) -> Score:
    """The share of the answer's sentences that the passages shown to the generator support.

    A sentence is supported by one of the passages, or by all of them together. Status "refused" for a refusal,
    "no_claims" for an answer without sentences.
    """
    if answer.refused:
        return Score.missing("refused")
    if not answer.sentences:
        return Score.missing("no_claims", "the answer has no sentence")
    passages = {hit.chunk.id: _read(hit) for hit in answer.hits}
    together = "\n\n".join(passages.values())
    supported = 0
    for sentence in answer.sentences:
        cited = {citation.chunk_id: "" for citation in sentence.citations}
        # What it cites is most likely to support it, and then nothing else need be read.
        first = [passages[chunk] for chunk in cited if chunk in passages]
        rest = [text for chunk, text in passages.items() if chunk not in cited]
        evidence = [*first, *rest, *([together] if len(passages) > 1 else [])]
        supported += any(verifier.support(sentence.text, text) >= threshold for text in evidence)
    return Score(supported / len(answer.sentences))


def answer_relevance(question: str, text: str, embedder: Embedder) -> Score:
    """Cosine of question and answer, as the embedder compares a query with a passage; a negative one counts 0.

    The answer is read as far as the embedder reads. Status "no_claims" for a blank answer.
    """
    if not text.strip():
        return Score.missing("no_claims", "the answer is blank")
    asked = embedder.embed_queries([question])[0]
    said = embedder.embed_documents([beginning(text, embedder.tokenizer, embedder.max_tokens)])[0]
    return Score(min(max(float(asked @ said), 0.0), 1.0))


def context_precision(question: Question, answer: Answer, key: DocumentKey) -> Score:
    """Average precision of the passages shown to the generator, in their order: 1 if the relevant ones come first.

    Mean of precision at the rank of each relevant passage, over the relevant ones shown; 0 if there is none. A passage
    is relevant if it holds a gold span; in a gold document without spans every passage is.
    """
    found = [_is_relevant(hit, question, key) for hit in answer.hits]
    precisions = [sum(found[:rank]) / rank for rank, relevant in enumerate(found, 1) if relevant]
    return Score(sum(precisions) / len(precisions) if precisions else 0.0)


def context_recall(question: Question, answer: Answer, key: DocumentKey) -> Score:
    """The share of the gold documents of which a relevant passage, as above, was shown to the generator."""
    wanted = {*question.documents, *(span.document for span in question.spans)}
    shown = {document_key(hit, key) for hit in answer.hits if _is_relevant(hit, question, key)}
    return Score(len(wanted & shown) / len(wanted))


def _is_relevant(hit: Hit, question: Question, key: DocumentKey) -> bool:
    document = document_key(hit, key)
    spans = [span for span in question.spans if span.document == document]
    return _holds(hit, spans) if spans else document in question.documents


def _holds(hit: Hit, spans: Sequence[Span]) -> bool:
    return any(hit.chunk.start <= span.start and span.end <= hit.chunk.end for span in spans)


def _read(hit: Hit) -> str:
    """The passage below its title and headings, which a blank line keeps apart from its first sentence."""
    header = hit.chunk.header
    return f"{header}\n\n{hit.chunk.text}" if header else hit.chunk.text
