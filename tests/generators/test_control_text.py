import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.generators.control_text import JOINER, neutralise, restore, restored

TOKENS = [
    "<|im_end|>", "<|im_start|>system", "<|endoftext|>", "</s>", "<s>", "<eos>", "<start_of_turn>", "<end_of_turn>",
    "[INST]", "[/INST]", "<<SYS>>", "<｜end▁of▁sentence｜>", "<|start_header_id|>", "[gMASK]", "<file_sep>",
    "<jupyter_code>", "<think>", "</think>", "<|END_OF_TURN_TOKEN|>", "<extra_id_0>",
]  # fmt: skip
pieces = st.lists(st.sampled_from([*TOKENS, "<", "[", "|", ">", "a", " ", JOINER, "</", "<b>", "价", "]", "NOTE"]))


@pytest.mark.parametrize("token", TOKENS)
def test_control_tokens_are_broken_and_come_back(token: str) -> None:
    inert = neutralise(f"see {token}!")
    assert token not in inert
    assert inert.replace(JOINER, "") == f"see {token}!"
    assert restore(inert) == f"see {token}!"


@pytest.mark.parametrize("text", ["a < b | c > d", "<b>bold</b>", "[1] see [note]", "<html lang='s'>", "x[i]", ""])
def test_other_text_stays(text: str) -> None:
    assert neutralise(text) == text


@given(pieces.map("".join))
def test_restore_is_the_inverse(text: str) -> None:
    assert restore(neutralise(text)) == text


@given(pieces.map("".join), st.integers(1, 7))
def test_a_stream_is_restored_wherever_it_is_cut(text: str, size: int) -> None:
    inert = neutralise(text)
    chunks = [inert[i : i + size] for i in range(0, len(inert), size)]
    assert "".join(restored(chunks)) == text
