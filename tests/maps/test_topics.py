"""Topics: who belongs to one, and what it is called; the weights by hand."""

from __future__ import annotations

from collections import Counter
from math import log

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rag.maps.topics import by_size, class_weights, topic_names, topics_of


def test_class_based_tf_idf_by_hand():
    # class 0: whale x3, sea x1; class 1: sea x2. Three words a class on average; whale occurs 3 times, sea 3 times.
    weights = class_weights(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([3.0, 1.0, 2.0]))
    assert np.allclose(weights, [3 * log(1 + 3 / 3), 1 * log(1 + 3 / 3), 2 * log(1 + 3 / 3)])


def test_a_word_of_every_class_tells_less_than_a_rarer_one_of_the_same_count():
    # "the" twice in both classes, "whale" twice in the first, "bread" twice in the second: A = 4, f = 4, 2, 2
    weights = class_weights(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 2]), np.array([2.0, 2.0, 2.0, 2.0]))
    assert np.allclose(weights, [2 * log(2), 2 * log(3), 2 * log(2), 2 * log(3)])


def test_a_name_has_the_commonest_form_of_its_words_best_first():
    forms = [Counter(whales=2, whale=3), Counter(sea=4), Counter(bread=2)]
    words = [np.array([0, 0, 0, 1], np.int32), np.array([0, 0, 1], np.int32), np.array([2, 2, 1, 1], np.int32)]
    assert topic_names(np.array([0, 0, 1], np.int32), words, forms) == [("whale", "sea"), ("bread", "sea")]


def test_what_has_no_topic_names_none_but_its_words_count_as_common():
    # "sea" stands in no other topic, yet often among what has none: there "whale" tells more at the same count
    forms = [Counter(sea=6), Counter(whale=2)]
    words = [np.array([0, 0, 1, 1], np.int32), np.array([0, 0, 0, 0], np.int32)]
    assert topic_names(np.array([0, -1], np.int32), words, forms) == [("whale", "sea")]


def test_a_topic_without_words_has_no_name_and_no_topics_have_none():
    assert topic_names(
        np.array([0, 1], np.int32), [np.array([0], np.int32), np.array([], np.int32)], [Counter(a=1)]
    ) == [
        ("a",),
        (),
    ]
    assert topic_names(np.array([-1], np.int32), [np.array([0], np.int32)], [Counter(a=1)]) == []
    assert topic_names(np.array([], np.int32), [], []) == []


@given(st.lists(st.integers(-1, 5), max_size=40))
def test_groups_are_numbered_by_size_and_stay_the_same_groups(labels):
    numbered = by_size(np.array(labels, np.int64)).tolist()
    assert [one == -1 for one in numbered] == [one == -1 for one in labels]
    pairs = set(zip(labels, numbered, strict=True)) - {(-1, -1)}
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)
    sizes = Counter(one for one in numbered if one >= 0)
    assert [sizes[number] for number in range(len(sizes))] == sorted(sizes.values(), reverse=True)


def test_clusters_are_topics_and_what_lies_apart_has_none():
    random = np.random.default_rng(0)
    heaps = [random.normal(size=(count, 2)) * 0.1 + at for count, at in ((30, 0), (50, 5), (40, 10))]
    found = topics_of(np.concatenate([*heaps, [[100.0, 100.0]]]).astype(np.float32))
    assert set(found[:30]) == {2}
    assert set(found[30:80]) == {0}
    assert set(found[80:120]) == {1}
    assert found[120] == -1


def test_few_points_have_no_topic_and_points_in_one_place_have_one():
    assert topics_of(np.zeros((0, 2), np.float32)).tolist() == []
    assert topics_of(np.eye(2, dtype=np.float32)).tolist() == [-1, -1]
    assert set(topics_of(np.ones((20, 2), np.float32))) == {0}
