"""Drafts against passages: what is proved, what is caveated, what is refused. All cases are worked by hand."""

from __future__ import annotations

from itertools import pairwise

import pytest

from rag.grounding import Thresholds, ground
from rag.types import Page

ANY = Thresholds(answerable=0.0)


@pytest.mark.parametrize(
    ("question", "draft", "quotes"),
    [
        (
            "How long is the warranty?",
            "The warranty lasts 24 months.",
            ["The standard warranty lasts 24 months from the date of purchase."],
        ),
        (
            "How long is the warranty?",
            "24 months.",
            ["The standard warranty lasts 24 months from the date of purchase."],
        ),
        (
            "How long is the warranty?",
            "Sure! The answer is: the warranty lasts 24 months. I hope this helps!",
            ["The standard warranty lasts 24 months from the date of purchase."],
        ),
        (
            "Are batteries covered?",
            "No, batteries are not covered by the warranty.",
            ["Batteries are not covered by the warranty."],
        ),
        ("What does the HX-100 cost?", "The HX-100 costs €500.", ["The HX-100 costs 500 euros."]),
        (
            "When was the HX-200 released?",
            "The HX-200 was released on 2024-03-05.",
            ["The HX-200 was released on 5 March 2024 and weighs 3.5 kg."],
        ),
        (
            "When was the HX-200 released?",
            "The HX200 was released in March 2024.",
            ["The HX-200 was released on 5 March 2024 and weighs 3.5 kg."],
        ),
        (
            "What does a repair cost and how heavy is the HX-200?",
            "A repair costs 1290 euros at most, and the HX-200 weighs 3.5 kg.",
            [
                "A repair costs 1,290 euros at most.",
                "The HX-200 was released on 5 March 2024 and weighs 3.5 kg.",
            ],
        ),
    ],
)
def test_supported_in_english(warranty, prices, question, draft, quotes):
    answer = ground(question, draft, [warranty, prices])
    assert answer.verdict == "supported"
    assert sorted(c.quote for c in answer.citations) == sorted(quotes)
    assert all(s.supported and s.support >= 0.55 and not s.unsupported for s in answer.sentences)


@pytest.mark.parametrize(
    ("draft", "unsupported"),
    [
        ("The warranty lasts 36 months.", ("36 months",)),
        ("The warranty lasts 24 hours.", ("24 hours",)),
        ("The HX-200 costs 500 euros.", ("500 euros",)),
        ("The HX-300 costs 500 euros.", ("500 euros", "HX-300")),
        ("Repairs are made in Berlin.", ("Berlin",)),
        ("The HX-200 was released on 6 March 2024.", ("6 March 2024",)),
        ("The HX-200 weighs 500 kg.", ("500 kg",)),
        ("The founder is Peter Schmidt.", ("Peter Schmidt",)),
        ("The warranty of “two full years” lasts 24 months.", ("two full years",)),
        ("Yes, batteries are not covered by the warranty.", ("Yes",)),
    ],
)
def test_what_no_evidence_holds_is_listed_and_never_supported(warranty, prices, draft, unsupported):
    draft = f"The standard warranty lasts 24 months from the date of purchase. {draft}"
    answer = ground("Are the batteries covered, and what is the warranty?", draft, [warranty, prices], thresholds=ANY)
    first, second = answer.sentences
    assert (first.supported, second.supported) == (True, False)
    assert set(unsupported) <= set(second.unsupported)
    assert second.support < 0.55
    assert second.citations == ()
    assert answer.verdict == "partly"
    assert answer.text == f"{first.text} {second.text} [unsupported]"


@pytest.mark.parametrize(
    "draft",
    [
        "Batteries are covered by the warranty.",
        "Yes.",
        "No.",
        "The answer is:",
        "",
        "   \n",
        "How long is the warranty?",
        "The documents do not mention how long the warranty lasts.",
        "I don't know.",
        "The warranty.",
        "1.",
        "[1]",
        "...",
    ],
)
def test_a_draft_that_proves_nothing_is_refused(warranty, prices, draft):
    answer = ground("How long is the warranty?", draft, [warranty, prices])
    assert answer.refused
    assert answer.sentences == ()
    assert answer.draft == draft
    assert "Warranty: “The standard warranty lasts" in answer.text


@pytest.mark.parametrize("draft", ["Repairs are made in Hamburg, Germany.", "The capital of Peru is Lima."])
@pytest.mark.parametrize("question", ["What is the capital of Peru?", "what is the capital of peru"])
def test_a_sentence_from_a_wrong_passage_does_not_answer(warranty, prices, question, draft):
    assert ground(question, draft, [warranty, prices]).refused


def test_a_question_about_another_product_is_refused(prices):
    assert ground("What does the HX-900 cost?", "The HX-100 costs 500 euros.", [prices]).refused


def test_a_repeated_question_is_no_answer_but_a_yes_no_question_may_be_confirmed(warranty):
    assert ground("Why are repairs made in Hamburg?", "Repairs are made in Hamburg.", [warranty]).refused
    assert ground("Are repairs made in Hamburg?", "Repairs are made in Hamburg.", [warranty]).verdict == "supported"


@pytest.mark.parametrize(
    ("question", "draft", "verdict", "unsupported"),
    [
        ("Wie lange gilt die Garantie?", "Die Garantie beträgt 24 Monate.", "supported", ()),
        ("Wie lange gilt die Garantie?", "Die Garantie beträgt 12 Monate.", "partly", ("12 Monate",)),
        ("Wie hoch ist der Preis?", "Der Preis beträgt 1290,50 Euro.", "supported", ()),
        ("Wie hoch ist der Preis?", "Der Preis beträgt 1290,05 Euro.", "partly", ("1290,05 Euro",)),
        ("Wo ist der Sitz?", "Der Sitz ist in Berlin.", "partly", ("Berlin",)),
        ("Sind Akkus abgedeckt?", "Akkus sind von der Garantie abgedeckt.", "partly", ()),
        ("Sind Akkus abgedeckt?", "Akkus sind nicht abgedeckt.", "supported", ()),
    ],
)
def test_german(garantie, question, draft, verdict, unsupported):
    lead = "Der Sitz ist in Hamburg. "
    answer = ground(question, lead + draft, [garantie], thresholds=ANY)
    assert answer.verdict == verdict
    assert answer.sentences[-1].unsupported == unsupported
    assert answer.text.endswith(draft if verdict == "supported" else f"{draft} [nicht belegt]")


@pytest.mark.parametrize(
    ("draft", "supported", "unsupported"),
    [
        ("保修期为24个月。", True, ()),
        ("保修期为二十四个月。", True, ()),
        ("保修期为36个月。", False, ("36个月",)),
        ("公司总部位于北京。", True, ()),
        ("公司总部位于上海。", False, ("上海",)),
        ("电池不在保修范围内。", True, ()),
        ("电池在保修范围内。", False, ()),
        ("HX-200于2024年3月发布。", True, ()),
        ("HX-200于2024年4月发布。", False, ("2024年4月",)),
        ("HX-300于2024年3月5日发布。", False, ("HX-300",)),
    ],
)
def test_chinese(baoxiu, draft, supported, unsupported):
    answer = ground("请问？", f"保修期为24个月，自购买之日起计算。{draft}", [baoxiu], thresholds=ANY)
    last = answer.sentences[-1]
    assert last.supported is supported
    assert set(unsupported) <= set(last.unsupported)


def test_chinese_answered_and_refused(baoxiu):
    assert ground("保修期多久？", "保修期为24个月。", [baoxiu]).verdict == "supported"
    refused = ground("秘鲁的首都是哪里？", "公司总部位于北京。", [baoxiu])
    assert refused.refused
    assert refused.text.startswith("文档中没有这个问题的答案。最接近的段落是：\n- 保修: “保修期为24个月")


@pytest.mark.parametrize(
    ("question", "start"),
    [
        ("Was ist die Hauptstadt von Peru?", "Die Dokumente beantworten diese Frage nicht."),
        ("Quelle est la capitale du Pérou, s'il vous plaît ?", "Les documents ne répondent pas"),
        ("¿Cuál es la capital del Perú, por favor?", "Los documentos no responden"),
        ("What is the capital of Peru?", "The documents do not answer this question. The nearest passages are:\n- "),
    ],
)
def test_a_refusal_speaks_the_language_of_the_question(warranty, question, start):
    assert ground(question, "Lima.", [warranty]).text.startswith(start)


def test_without_hits_the_refusal_says_that_nothing_was_found():
    answer = ground("What is this?", "It is a test.", [])
    assert answer.refused
    assert answer.text == "The documents do not answer this question. No passage was found that could answer it."


def test_a_citation_carries_page_headings_and_document_offsets(hit):
    before = "Page one.\n"
    text = "The pump runs at 40 bar. The valve opens at 55 bar."
    pages = (Page(1, 0, 10), Page(2, 10, 34), Page(3, 34, 70))
    document, found = hit(text, title="Manual", headings=("Manual", "Limits"), before=before, pages=pages)
    answer = ground("At what pressure does the valve open?", "The valve opens at 55 bar.", [found])
    (citation,) = answer.citations
    assert (citation.start, citation.end, citation.page) == (35, 61, 3)
    assert citation.quote == "The valve opens at 55 bar." == document.text[35:61]
    assert (citation.title, citation.headings, citation.number) == ("Manual", ("Manual", "Limits"), 1)


def test_neighbouring_sentences_make_one_quote_and_sources_are_numbered_in_order_of_use(hit):
    one = hit("The pump is made of steel. It runs at 40 bar. It is blue.", uri="file:///a")[1]
    two = hit("The valve opens at 55 bar.", uri="file:///b", rank=2)[1]
    answer = ground(
        "At what pressure do the valve and the pump work?",
        "The valve opens at 55 bar. The steel pump runs at 40 bar. The valve opens at 55 bar.",
        [one, two],
    )
    assert [c.quote for c in answer.citations] == [
        "The valve opens at 55 bar.",
        "The pump is made of steel. It runs at 40 bar.",
        "The valve opens at 55 bar.",
    ]
    assert [c.number for c in answer.citations] == [1, 2, 1]


def test_a_name_may_stand_in_the_header_but_a_number_may_not(hit):
    found = hit("The warranty lasts two full years.", title="HX-200 handbook 2024")[1]
    named = ground("How long is the warranty?", "The HX-200 warranty lasts two full years.", [found])
    assert named.verdict == "supported"
    dated = ground("How long is the warranty?", "In 2024 the warranty lasts two full years.", [found])
    assert dated.refused


def test_the_header_alone_supports_nothing(hit):
    found = hit("Read on below.", title="Warranty of batteries and chargers")[1]
    answer = ground("Is there a warranty?", "There is a warranty of batteries and chargers.", [found], thresholds=ANY)
    assert answer.refused


def test_a_number_must_be_said_of_the_same_thing(hit):
    found = hit("The warranty lasts 24 months. An inspection is due every 36 months.")[1]
    answer = ground("How long is the warranty?", "The warranty lasts 36 months.", [found])
    assert answer.refused
    assert (
        ground("How often is an inspection due?", "An inspection is due every 36 months.", [found]).verdict
        == "supported"
    )


def test_forged_markers_and_control_tokens_make_no_citation(hit):
    found = hit("The valve opens at 55 bar [7]. See [^9] and <|im_end|> [1].")[1]
    answer = ground(
        "At what pressure does the valve open?",
        "The valve opens at 55 bar [3]. [^4] <|im_end|>[12, 13]",
        [found],
    )
    assert answer.text == "The valve opens at 55 bar."
    assert [c.number for c in answer.citations] == [1]
    assert answer.citations[0].quote in found.chunk.text


def test_dropped_hits_support_nothing_but_are_listed(warranty, prices):
    answer = ground("What does the HX-100 cost?", "The HX-100 costs 500 euros.", [warranty], dropped=[prices])
    assert answer.refused
    assert answer.dropped == (prices,)
    assert "Price list" in answer.text


def test_sentences_lie_in_the_text_in_order(warranty, prices):
    draft = "The warranty lasts 24 months.\n\n* Batteries cost 3 euros.\n* The HX-100 costs 500 euros."
    answer = ground("How long is the warranty of the HX-100?", draft, [warranty, prices])
    assert answer.verdict == "partly"
    assert all(answer.text[s.start : s.end] == s.text for s in answer.sentences)
    assert all(a.end <= b.start for a, b in pairwise(answer.sentences))
    assert answer.text.count("[unsupported]") == 1


class Always:
    """A verifier of one opinion."""

    def __init__(self, score: float) -> None:
        self.score = score

    def support(self, claim: str, evidence: str) -> float:
        return self.score


def test_another_verifier_replaces_the_score_but_not_the_hard_rules(warranty):
    question, good = "How long is the warranty?", "The warranty lasts 24 months."
    assert ground(question, good, [warranty], verifier=Always(0.0)).refused
    assert ground(question, good, [warranty], verifier=Always(1.0)).verdict == "supported"
    assert ground(question, "The warranty lasts 36 months.", [warranty], verifier=Always(1.0)).refused


def test_a_sentence_about_another_property_of_the_thing_is_refused(hit):
    battery = hit("The SLM-210 has a battery. A full battery lasts 22 hours.", headings=("Battery",), dense=0.7)[1]
    memory = hit(
        "Insert a card. The SLM-210 stores one value per second, which needs 210 MB a day.",
        rank=2,
        uri="file:///m",
        dense=0.6,
    )[1]
    question = "How long does a full battery of the SLM-210 last?"
    said = "The SLM-210 stores one value per second, which needs 210 MB a day."
    assert ground(question, said, [battery, memory]).refused
    assert ground(question, f"{said}\n\nQuestion: {question}", [battery, memory]).refused
    assert ground(question, "A full battery lasts 22 hours.", [battery, memory]).verdict == "supported"


def test_a_heading_is_no_evidence(hit):
    lab = hit("4 Calibration laboratory\n\nA second test chamber is needed.", headings=("Minutes",))[1]
    assert ground("Who leads the calibration laboratory?", "4 Calibration laboratory", [lab]).refused


def test_unrelated_sentences_do_not_add_up(hit):
    one = hit("Damage by water is not covered. The meter was sold with a case.", uri="file:///a")[1]
    two = hit("The rating of the customers is good. The canteen opens at noon.", uri="file:///b", rank=2)[1]
    draft = "The meter was sold with a case. The canteen opens at noon."
    assert ground("What is the protection rating of the meter against water?", draft, [one, two]).refused


def test_a_sentence_that_a_nearer_one_outdoes_does_not_answer(hit) -> None:
    hits = [
        hit("Employees in sales can work from home on two days a week.", title="Handbook", uri="file:///a.md")[1],
        hit("Every employee has 27 days of paid holiday a year.", title="Handbook", uri="file:///b.md", rank=2)[1],
    ]
    question = "How many days of paid holiday does an employee have?"
    wrong = ground(question, "Employees in sales can work from home on two days a week.", hits)
    right = ground(question, "Every employee has 27 days of paid holiday a year.", hits)
    assert (wrong.verdict, right.verdict) == ("not in the documents", "supported")


def test_a_copied_title_line_is_no_part_of_the_answer(hit) -> None:
    found = hit("Every employee has 27 days of paid holiday a year.", title="Handbook", headings=("Holidays",))[1]
    answer = ground(
        "How many days of paid holiday are there?",
        "Handbook > Holidays\nEvery employee has 27 days of paid holiday a year.",
        [found],
    )
    assert answer.text == "Every employee has 27 days of paid holiday a year."


ONE_YEAR = "The warranty of the meter is two years. The warranty of the batteries is one year."
ONE_YEAR_ZH = "传声器的保修期为两年。充电电池的保修期为一年。保修期从发票日期开始计算。"


@pytest.mark.parametrize(
    ("question", "draft", "text", "heading", "answers"),
    [
        (
            "How long does the warranty of the batteries last?",
            "Our terms of warranty for the batteries",
            ONE_YEAR,
            "Our terms of warranty",
            False,
        ),
        (
            "How long does the warranty of the batteries last?",
            "It is one year for batteries.",
            ONE_YEAR,
            "Our terms of warranty",
            True,
        ),
        ("充电电池的保修期为多久？", "保修期限", ONE_YEAR_ZH, "保修期限", False),
        ("充电电池的保修期为多久？", "充电电池的保修期为一年。", ONE_YEAR_ZH, "保修期限", True),
        (
            "Which film did Frankenheimer make in 1962?",
            "The Manchurian Candidate",
            "Frankenheimer made the film The Manchurian Candidate in 1962.",
            "The Manchurian Candidate",
            True,
        ),
    ],
)
def test_a_draft_that_repeats_headings_tells_no_number(hit, question, draft, text, heading, answers):
    _, found = hit(f"## {heading}\n\n{text}", title=heading, headings=(heading,), dense=0.6)
    assert ground(question, draft, [found]).verdict == ("supported" if answers else "not in the documents")
