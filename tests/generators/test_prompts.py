import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import GenerationError
from rag.generators.prompts import ANSWER, PromptTemplate, fill, render_messages, render_question
from rag.types import Message


def test_passages_are_numbered_with_their_header_and_the_question_follows() -> None:
    template = PromptTemplate(user="{passages}\n--\n{question}", passage="[{number}] {content}")
    message = render_question("How long?", [("Handbook > Leave", "Thirty days."), ("", "No header.")], template)
    assert message.content == "[1] Handbook > Leave\nThirty days.\n\n[2] No header.\n--\nHow long?"
    assert message.question == "How long?"
    assert message.passages == ("Thirty days.", "No header.")


def test_slots_inside_values_stay_as_they_are() -> None:
    message = render_question("{passages}?", [("{question}", "{question} {number} {{x}} {passages} {nope}")])
    assert "{question}\n{question} {number} {{x}} {passages} {nope}" in message.content
    assert message.content.count("{passages}?") == 1


@given(st.text(), st.text())
def test_filling_puts_each_value_in_once_unchanged(first: str, second: str) -> None:
    assert fill("<{a}|{b}>", {"a": first, "b": second}) == f"<{first}|{second}>"


def test_a_system_prompt_comes_first_and_history_before_the_question_after_examples() -> None:
    history = (Message("user", "a"), Message("assistant", "b"))
    template = PromptTemplate(user="{passages} {question}", system="Be brief.", examples=history)
    messages = render_messages("q", [("T", "Text")], template, (Message("user", "c"), Message("assistant", "d")))
    assert [m.content for m in messages[:-1]] == ["Be brief.", "a", "b", "c", "d"]
    assert messages[-1].content == "T\nText q"


@pytest.mark.parametrize(
    ("user", "passage", "named"),
    [
        ("{question}", "{content}", "passages"),
        ("{passages}", "{content}", "question"),
        ("{passages} {question} {contxt}", "{content}", "contxt"),
        ("{passages} {question}", "{title}", "title"),
    ],
)
def test_a_wrong_template_is_refused_by_the_slot(user: str, passage: str, named: str) -> None:
    with pytest.raises(GenerationError, match=named):
        PromptTemplate(user=user, passage=passage)


def test_the_answer_prompts_example_is_what_a_real_question_looks_like() -> None:
    example = ANSWER.examples[0].content
    body, question = example.removeprefix("Context: Bridges\n").split("\n\nQuestion: ")
    assert render_question(question, [("Bridges", body)]).content == example


def test_the_answer_prompt_is_short() -> None:
    assert sum(len(m.content) for m in render_messages("", [])) < 300
