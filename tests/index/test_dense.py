"""Dense search: exact, the same in every layout, and approximate above the size asked for."""

from __future__ import annotations

import numpy as np
import pytest

from rag.errors import CorruptIndexError
from rag.index import IndexSettings, Snapshot, Writer, verify
from rag.types import Chunk, Document

DIM = 24
ROWS = 1500


@pytest.fixture(scope="module")
def vectors():
    generator = np.random.default_rng(5)
    centres = generator.normal(size=(60, DIM))
    made = centres[generator.integers(0, 60, ROWS)] + generator.normal(size=(ROWS, DIM)) * 0.4
    made[1000:1010] = made[0]  # ties
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def build(path, vectors, ann_above: int, batch: int):
    with Writer.open(path, IndexSettings("e", "f", DIM, ann_above=ann_above)) as writer:
        for start in range(0, len(vectors), batch):
            for row in range(start, min(start + batch, len(vectors))):
                text = f"text {row}"
                document = Document(f"u{row}", text, metadata={"n": row})
                chunk = Chunk(document.id, document.uri, 0, len(text), text)
                writer.put(document, [chunk], vectors[row : row + 1], source="s", state="1")
            writer.commit()
    return path


@pytest.fixture(scope="module")
def paths(vectors, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dense")
    return {
        "whole": build(folder / "whole", vectors, 10**6, ROWS),
        "parts": build(folder / "parts", vectors, 10**6, 700),
        "ann": build(folder / "ann", vectors, 500, ROWS),
    }


def search(snapshot, query, k, where=None):
    ranking = snapshot.dense(query, k, where)
    uris = [chunk.uri for chunk in snapshot.chunks(ranking.refs.tolist())]
    return list(zip(uris, ranking.scores.tolist(), strict=True))


def test_exact_search_is_the_sorted_products_in_any_layout(paths, vectors):
    with Snapshot.open(paths["whole"]) as whole, Snapshot.open(paths["parts"]) as parts:
        assert whole.info().segments < parts.info().segments
        for number in range(0, 200, 7):
            query = vectors[number]
            for k, where in ((1, None), (50, None), (20, "n >= 900 and n < 1500"), (5, "n in (3, 5, 8)")):
                found = search(whole, query, k, where)
                assert found == search(parts, query, k, where)
                scores = vectors.astype(np.float64) @ query.astype(np.float64)
                rows = np.arange(ROWS)
                if where:
                    rows = rows[(rows >= 900) & (rows < 1500)] if "900" in where else np.array([3, 5, 8])
                best = np.sort(scores[rows])[::-1][:k]
                np.testing.assert_allclose([score for _, score in found], best, rtol=0, atol=1e-12)


def test_ties_are_in_the_order_of_chunk_ids(paths, vectors):
    with Snapshot.open(paths["whole"]) as snapshot:
        ranking = snapshot.dense(vectors[0], 11)
        assert np.ptp(ranking.scores) == 0
        ids = [chunk.id for chunk in snapshot.chunks(ranking.refs.tolist())]
        assert ids == sorted(ids)
        for k in range(1, 11):
            assert snapshot.dense(vectors[0], k).refs.tolist() == ranking.refs.tolist()[:k]


def test_above_the_size_faiss_proposes_and_scores_are_exact(paths, vectors):
    with Snapshot.open(paths["whole"]) as exact, Snapshot.open(paths["ann"]) as ann:
        assert any(segment.ann for segment in ann._segments)
        assert verify(paths["ann"]) == []
        for where in (None, "n < 700", "n in (1, 2, 3)"):
            shared = total = 0
            for number in range(0, 300, 6):
                one, other = search(exact, vectors[number], 10, where), search(ann, vectors[number], 10, where)
                scores = dict(one)
                assert all(scores.get(uri, score) == score for uri, score in other)
                assert len(one) == len(other)
                shared += len(set(one) & set(other))
                total += len(one)
            assert shared / total > 0.98, where


def test_deleted_rows_are_not_proposed(vectors, tmp_path):
    path = build(tmp_path / "i", vectors[:1200], 500, 1200)
    with Writer.open(path) as writer:
        writer.delete([f"u{row}" for row in range(0, 500)])
        writer.commit()
    with Snapshot.open(path) as snapshot:
        assert snapshot.info().dead == 500
        found = search(snapshot, vectors[0], 20)
        assert len(found) == 20
        assert all(int(uri[1:]) >= 500 for uri, _ in found)


def test_a_damaged_graph_is_refused_before_faiss_reads_it(vectors, tmp_path):
    path = build(tmp_path / "i", vectors[:600], 500, 600)
    with Snapshot.open(path) as snapshot:
        [stored] = [segment.ann for segment in snapshot._segments]
    file = path / "segments" / stored.name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with Snapshot.open(path) as snapshot, pytest.raises(CorruptIndexError, match=stored.name):
        snapshot.dense(vectors[0], 3)
    assert len(verify(path)) == 1


def test_results_do_not_depend_on_the_number_of_threads(paths, vectors):
    import faiss

    found = []
    for threads in (1, 4):
        faiss.omp_set_num_threads(threads)
        for name in ("parts", "ann"):
            with Snapshot.open(paths[name]) as snapshot:
                found.append([search(snapshot, vectors[row], 10) for row in range(0, 200, 10)])
    faiss.omp_set_num_threads(faiss.omp_get_max_threads())
    assert found[0] == found[2]
    assert found[1] == found[3]
