"""A map that is kept comes back as it was, or not at all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.errors import StorageError
from rag.maps import MapSettings, corpus_map, keep_map, kept_map, map_path, map_state

PCA = MapSettings("pca")


@pytest.fixture(scope="module")
def drawn(subjects):
    return corpus_map(subjects, settings=PCA)


@pytest.fixture(scope="module")
def kept(drawn, tmp_path_factory):
    path = map_path(tmp_path_factory.mktemp("kept") / "index")
    keep_map(drawn, path)
    return path


def test_a_map_comes_back_as_it_was(drawn, kept, subjects):
    found = kept_map(kept, map_state(subjects, settings=PCA))
    assert found is not None
    for name in ("points", "ids", "document", "topic"):
        assert np.array_equal(getattr(found, name), getattr(drawn, name))
        assert getattr(found, name).dtype == getattr(drawn, name).dtype
    assert (found.state, found.total, found.documents, found.topics) == (
        drawn.state,
        drawn.total,
        drawn.documents,
        drawn.topics,
    )


def test_each_filter_has_a_file_of_its_own_beside_the_index(tmp_path):
    paths = {map_path(tmp_path / "index", where) for where in (None, "tenant = 'a'", "tenant = 'b'")}
    assert {path.parent for path in paths} == {tmp_path / "index.maps"}
    assert len(paths) == 3


def test_a_map_of_other_passages_or_settings_is_removed(drawn, subjects, tmp_path):
    states = {map_state(subjects, where) for where in (None, "tenant = 'a'", "tenant = 'b'")}
    assert len({*states, map_state(subjects, settings=PCA), map_state(subjects, settings=MapSettings(seed=1))}) == 5
    path = map_path(tmp_path / "index")
    assert kept_map(path, drawn.state) is None
    keep_map(drawn, path)
    assert kept_map(path, map_state(subjects, "tenant = 'a'", PCA)) is None
    assert not list(path.parent.iterdir())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(share=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_file_is_not_believed(drawn, kept, tmp_path, share, flip, cut):
    whole = bytearray(kept.read_bytes())
    at = int(share * len(whole))
    path = tmp_path / "damaged"
    path.write_bytes(whole[:at] if cut else whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
    found = kept_map(path, drawn.state)
    if found is not None:  # a byte that means nothing, such as a blank of the header
        assert np.array_equal(found.points, drawn.points)
        assert found.topics == drawn.topics


def test_where_it_cannot_be_kept_the_error_says_so_and_leaves_nothing(drawn, tmp_path):
    (tmp_path / "index.maps").write_text("a file in the way")
    with pytest.raises(StorageError, match="cannot be kept"):
        keep_map(drawn, map_path(tmp_path / "index"))
    path = map_path(tmp_path / "other")
    path.mkdir(parents=True)
    with pytest.raises(StorageError, match="cannot be kept"):
        keep_map(drawn, path)
    assert list(path.parent.iterdir()) == [path]
