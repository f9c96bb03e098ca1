"""The chunkers with the default embedder's own tokenizer, on real passages."""

import json

import pytest

from rag.chunkers import SentenceChunker, StructureChunker, TokenWindowChunker, WholeDocumentChunker
from rag.types import Document

pytestmark = [pytest.mark.models, pytest.mark.collections]


@pytest.fixture(scope="module")
def model_tokenizer():
    from rag.embedders.tokenization import HuggingFaceTokenizer
    from rag.models import resolve

    return HuggingFaceTokenizer(resolve("sentence-transformers/all-MiniLM-L6-v2") / "tokenizer.json")


@pytest.mark.parametrize("chunker", [SentenceChunker, StructureChunker, TokenWindowChunker, WholeDocumentChunker])
@pytest.mark.parametrize("name", ["cranfield", "squad2", "xquad-zh"])
def test_every_passage_is_within_the_models_limit(collections_dir, model_tokenizer, check, chunker, name):
    records = [json.loads(line) for line in (collections_dir / name / "corpus.jsonl").read_text("utf-8").splitlines()]
    together = "\n\n".join(f"{record['title']}\n{record['text']}" for record in records[:80])
    document = Document("u", together, title=f"All of {name}")
    chunks = check(document, chunker(tokenizer=model_tokenizer, max_tokens=256).chunk(document), model_tokenizer, 256)
    # Budgets are used: the passages are not much smaller than they may be.
    assert sum(chunk.tokens for chunk in chunks) / len(chunks) > 150
