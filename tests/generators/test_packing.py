from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import ContextError
from rag.generators import PromptTemplate, pack_context
from rag.generators.packing import token_shares
from rag.types import Chunk, Hit, Message

TEMPLATE = PromptTemplate(user="{passages}?{question}", passage="{content}", separator="|")


class CharacterGenerator:
    """Counts a token a character and one a message."""

    def __init__(self, context_size: int) -> None:
        self.context_size = context_size
        self.counted = 0

    def count_tokens(self, messages: Sequence[Message]) -> int:
        self.counted += 1
        return sum(len(m.content) + 1 for m in messages)

    def generate(self, messages: Sequence[Message], *, stop: Sequence[str] = (), max_tokens: int = 1) -> Iterator[str]:
        raise NotImplementedError


def hits(*texts: str) -> list[Hit]:
    return [Hit(Chunk(f"d{i}", f"file:///{i}", 0, len(t), t), 1 / (i + 1), i + 1) for i, t in enumerate(texts)]


def test_everything_that_fits_is_used_at_one_count_beside_the_question() -> None:
    generator = CharacterGenerator(100)
    found = hits(*["aaaa"] * 10)
    packed = pack_context("q", found, generator, max_answer_tokens=10, template=TEMPLATE)
    assert packed.used == tuple(found)
    assert packed.dropped == ()
    assert packed.prompt_tokens == 10 * 4 + 9 + 2 + 1
    assert generator.counted == 2


def test_a_long_hit_is_dropped_and_a_later_short_one_is_taken() -> None:
    found = hits("a" * 5, "b" * 50, "c" * 5)
    packed = pack_context("q", found, CharacterGenerator(30), max_answer_tokens=10, template=TEMPLATE)
    assert packed.used == (found[0], found[2])
    assert packed.dropped == (found[1],)
    assert packed.messages[-1].content == "aaaaa|ccccc?q"
    assert packed.messages[-1].passages == ("aaaaa", "ccccc")


def test_the_answer_keeps_its_room_to_the_token() -> None:
    found = hits("a" * 7)
    fits = pack_context("q", found, CharacterGenerator(20), max_answer_tokens=10, template=TEMPLATE)
    assert fits.prompt_tokens == 10
    misses = pack_context("q", found, CharacterGenerator(20), max_answer_tokens=11, template=TEMPLATE)
    assert misses.dropped == tuple(found)


def test_a_question_that_does_not_fit_is_an_error_with_the_figures() -> None:
    with pytest.raises(ContextError, match=r"12 tokens.*context of 20 leaves 10 .*answer of 10"):
        pack_context("q" * 10, hits("a"), CharacterGenerator(20), max_answer_tokens=10, template=TEMPLATE)


def test_history_loses_its_oldest_turns_and_never_starts_with_an_answer() -> None:
    history = [
        Message("user", "u" * 9),
        Message("assistant", "a" * 9),
        Message("user", "v" * 4),
        Message("assistant", "b" * 3),
    ]
    packed = pack_context(
        "q", hits("p"), CharacterGenerator(35), max_answer_tokens=10, history=history, template=TEMPLATE
    )
    assert packed.forgotten == tuple(history[:2])
    assert packed.messages[:-1] == tuple(history[2:])
    assert packed.used


def test_an_excerpt_shows_the_nearest_sentences_in_order_and_drops_hits_without_any() -> None:
    found = hits("The sun is hot. A cat sleeps. Cats eat fish. Rain falls.", "The moon is cold.")
    packed = pack_context(
        "What do cats eat?", found, CharacterGenerator(200), max_answer_tokens=10, template=TEMPLATE, excerpt=2
    )
    assert packed.messages[-1].passages == ("A cat sleeps. Cats eat fish.",)
    assert (packed.used, packed.dropped) == ((found[0],), (found[1],))


@given(
    st.lists(st.text(max_size=40), max_size=12),
    st.text(max_size=20),
    st.integers(1, 300),
    st.integers(1, 50),
    st.lists(st.text(max_size=20), max_size=4),
)
def test_the_budget_holds_and_no_hit_is_lost(
    texts: list[str], question: str, size: int, answer: int, said: list[str]
) -> None:
    generator = CharacterGenerator(size)
    found = hits(*texts)
    history = [Message("user" if i % 2 == 0 else "assistant", text) for i, text in enumerate(said)]
    try:
        packed = pack_context(question, found, generator, max_answer_tokens=answer, history=history, template=TEMPLATE)
    except ContextError:
        assert len(question) + 2 > size - answer
        return
    assert packed.prompt_tokens == generator.count_tokens(packed.messages) <= size - answer
    assert sorted((*packed.used, *packed.dropped), key=lambda h: h.rank) == found
    assert list(packed.used) == sorted(packed.used, key=lambda h: h.rank)
    assert (*packed.forgotten, *packed.messages[:-1]) == tuple(history)
    assert packed.messages[-1].passages == tuple(hit.chunk.text for hit in packed.used)
    for hit in packed.dropped:  # greedy: none of the dropped fits on top of the hits that rank above it
        above = [other.chunk.text for other in packed.used if other.rank < hit.rank]
        content = "|".join([*above, hit.chunk.text]) + "?" + question
        assert len(content) + 1 + sum(len(m.content) + 1 for m in packed.messages[:-1]) > size - answer


def test_every_token_of_a_prompt_is_a_passage_s_the_history_s_the_question_s_or_the_instructions() -> None:
    headed = Hit(Chunk("d", "file:///d", 0, 4, "bb\u202ebb", title="T"), 1.0, 2)
    history = [Message("user", "one"), Message("assistant", "three")]
    generator = CharacterGenerator(100)
    found = [*hits("aaaaa"), headed]
    packed = pack_context("why", found, generator, max_answer_tokens=10, template=TEMPLATE, history=history)
    shares = token_shares("why", packed, generator)
    assert packed.shown == ("aaaaa", "bb\u202ebb")
    # "T", a newline and four letters, without what nobody sees; 3 + 5 letters of the turns before
    assert (shares.passages, shares.history, shares.question) == ((5, 6), 8, 3)
    assert shares.instructions == 2 + 3  # "|" and "?" of the template, and one a message
    assert sum(shares.passages) + shares.history + shares.question + shares.instructions == packed.prompt_tokens


def test_of_an_excerpt_the_shares_are_those_of_what_is_shown() -> None:
    found = hits("The keep is high. It rains.", "The garden is open. The keep is old.")
    packed = pack_context("How high is the keep?", found, CharacterGenerator(500), max_answer_tokens=10, excerpt=1)
    assert packed.shown == ("The keep is high.",)
    assert token_shares("", packed, CharacterGenerator(500)).passages == (17,)
