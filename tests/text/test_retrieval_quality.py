"""BM25 on the terms, scored with ir_measures: the analyzer holds what it is known to reach."""

import json

import ir_measures
import pytest
from ir_measures import nDCG

from rag.text import detect_language, query_terms, terms

pytestmark = pytest.mark.collections


def lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


# What Lucene's 33 English stop words with Snowball stems reach, and for Chinese what is asked for.
@pytest.mark.parametrize(
    ("name", "at_least"), [("cranfield", 0.3695), ("hotpotqa-100", 0.785), ("squad2", 0.8741), ("xquad-zh", 0.95)]
)
def test_bm25(collections_dir, name, at_least):
    import bm25s

    folder = collections_dir / name
    corpus, queries = lines(folder / "corpus.jsonl"), lines(folder / "queries.jsonl")
    rows = [line.split("\t") for line in (folder / "qrels" / "test.tsv").read_text("utf-8").splitlines()[1:]]
    texts = [f"{record['title']}\n{record['text']}" for record in corpus]
    languages = [detect_language(text) for text in texts]
    vocabulary: dict[str, int] = {}
    ids = [
        [vocabulary.setdefault(term, len(vocabulary)) for term in terms(text, language)]
        for text, language in zip(texts, languages, strict=True)
    ]
    index = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    index.index(bm25s.tokenization.Tokenized(ids, vocabulary), show_progress=False)
    run = []
    for query in queries:
        found = [vocabulary[term] for term in query_terms(query["text"], languages) if term in vocabulary]
        scores = index.get_scores_from_ids(found)
        best = sorted(range(len(corpus)), key=lambda i: (-scores[i], corpus[i]["_id"]))[:100]
        run += [ir_measures.ScoredDoc(query["_id"], corpus[i]["_id"], float(scores[i])) for i in best]
    qrels = [ir_measures.Qrel(query, passage, int(grade)) for query, passage, grade in rows]
    assert ir_measures.calc_aggregate([nDCG @ 10], qrels, run)[nDCG @ 10] >= at_least
