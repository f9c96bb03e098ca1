"""What pronouns and ellipses stand for."""

from __future__ import annotations

import pytest

from rag.queries.anaphora import Turn, follow


def followed(*said: str, language: str = "en") -> str:
    """Questions and answers in turn, and last the question to resolve."""
    *before, query = said
    return follow(query, [Turn(q, a) for q, a in zip(before[::2], before[1::2], strict=True)], language)


@pytest.mark.parametrize(
    ("said", "resolved"),
    [
        # the answer to "who" or "which"
        (("Who ran the Energy Office?", "William E. Simon", "When was he born?"), "When was William E. Simon born?"),
        (("Which country bought most?", "Japan", "What did it pay?"), "What did Japan pay?"),
        # which stands beside what the answer repeats of the question
        (("Who was put in charge of the Energy Office?",
          "In 1973, Nixon named William E. Simon as head of the Energy Office, and Ford kept him.",
          "When was he born?"),
         "When was William E. Simon born?"),
        # else what the question was about, a possessive with its ending
        (("When was Trim Castle built?", "In 1174", "Who lived in it?"), "Who lived in Trim Castle?"),
        (("When did the rising of Warsaw begin?", "1944", "How long did it last?"),
         "How long did the rising of Warsaw last?"),
        (("How long was the Bismarck?", "251 m", "What was its speed?"), "What was Bismarck's speed?"),
        (("When did the Saudis react?", "In May", "What was their aim?"), "What was Saudis' aim?"),
        # "he" stays who he was, until a question asks for someone else
        (("Who led it?", "Bohemond", "Which city did he take?", "Antioch", "And who helped him?"),
         "And who helped Bohemond?"),
        (("Who led the army?", "Abercrombie", "Who replaced him?", "Amherst", "Where was he from?"),
         "Where was Amherst from?"),
        # ellipses
        (("What did Japan absorb in 1894?", "Taiwan", "And in 1931?"), "What did Japan absorb in 1931?"),
        (("When did the Normans invade Ireland?", "1169", "How about Wales?"), "When did the Normans invade Wales?"),
        (("Which treaty ended the war in North America?", "Paris", "And in Europe?"),
         "Which treaty ended the war in Europe?"),
        (("How many people died?", "9", "And in Toulouse?"), "How many people died in Toulouse?"),
        # an ellipse of an ellipse
        (("What did Japan take in 1894?", "Taiwan", "And in 1931?", "Manchuria", "And in 1937?"),
         "What did Japan take in 1937?"),
        # nothing to go by
        (("What is it?", "", "Why?"), "Why?"),
        (("And?", "", "Is it so?"), "Is it so?"),
    ],
)  # fmt: skip
def test_english(said: tuple[str, ...], resolved: str) -> None:
    assert followed(*said) == resolved


@pytest.mark.parametrize(
    ("said", "language", "resolved"),
    [
        (("Wann wurde der Eiffelturm gebaut?", "1889", "Wer hat ihn entworfen?"), "de",
         "Wer hat Eiffelturm entworfen?"),
        (("Quelle était la population de Varsovie en 1980 ?", "1,6 million", "Et en 1990 ?"), "fr",
         "Quelle était la population de Varsovie en 1990?"),
        (("华沙的文化科学宫有多高？", "237米", "它是什么时候建成的？"), "zh", "华沙的文化科学宫是什么时候建成的？"),
        (("1980年华沙有多少人口？", "160万", "那1990年呢？"), "zh", "1990年华沙有多少人口?"),
        (("東京タワーはいつ完成しましたか。", "1958年", "それはどこにありますか。"), "ja",
         "東京タワーはどこにありますか。"),
    ],
)  # fmt: skip
def test_other_languages(said: tuple[str, ...], language: str, resolved: str) -> None:
    assert followed(*said, language=language) == resolved


def test_a_language_without_cues_is_left_as_it_is() -> None:
    assert followed("Kiedy powstał zamek?", "1598", "Kto go zbudował?", language="pl") == "Kto go zbudował?"
