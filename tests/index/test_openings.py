"""How passages begin, read at once: the same as reading them one by one."""

from __future__ import annotations

from rag.index import Snapshot, Writer
from rag.index.catalogue import PART


def test_openings_are_those_of_the_passages_in_any_order_and_layout(kit, tmp_path):
    long = " ".join(f"word{number}" for number in range(PART // 4))  # of several stored parts
    documents = [
        kit.document("a", long),
        kit.document("b", "Ein kurzer Text über Wale"),
        kit.document("c", "x y z " * 9),
    ]
    with Writer.open(tmp_path / "index", kit.settings) as writer:
        for document in documents:
            kit.put(writer, document)
            writer.commit()
        writer.delete([documents[2].uri])
        writer.commit()
    with Snapshot.open(tmp_path / "index") as snapshot:
        info = snapshot.info()
        refs = snapshot.admitted(range(info.chunks + info.dead))[::-3]
        chunks = snapshot.chunks(refs)
        assert [(one.uri, one.title, one.text) for one in snapshot.openings(refs, 12)] == [
            (chunk.uri, chunk.title, chunk.text[:12]) for chunk in chunks
        ]
        assert [one.text for one in snapshot.openings(refs, 10_000)] == [chunk.text for chunk in chunks]
        assert snapshot.openings([], 5) == []
