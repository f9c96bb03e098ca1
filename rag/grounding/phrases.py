"""What Ragstone itself says to the asker, in the asker's language; English where it has none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.text import detect_language
from rag.types import Hit

_NEAREST = 3  # passages a refusal lists
_WORDS_SHOWN = 80  # code points of each


@dataclass(frozen=True, slots=True)
class Phrases:
    """``unsupported`` marks a sentence without proof; ``page`` has the number in place of {n}.

    ``missing`` says of a part of the question, in place of {question}, that the documents do not answer it.
    ``invitation`` replies to what is no question.
    """

    refusal: str
    nearest: str
    nothing: str
    unsupported: str
    page: str
    sources: str
    missing: str
    invitation: str


PHRASES = {
    "en": Phrases(
        "The documents do not answer this question.",
        "The nearest passages are:",
        "No passage was found that could answer it.",
        "[unsupported]",
        "p. {n}",
        "Sources:",
        "The documents do not answer: {question}",
        "Ask a question, and its answer is looked for in the documents.",
    ),
    "de": Phrases(
        "Die Dokumente beantworten diese Frage nicht.",
        "Am nächsten kommen diese Stellen:",
        "Es wurde keine Stelle gefunden, die sie beantworten könnte.",
        "[nicht belegt]",
        "S. {n}",
        "Quellen:",
        "Die Dokumente beantworten nicht: {question}",
        "Stellen Sie eine Frage, und die Antwort wird in den Dokumenten gesucht.",
    ),
    "fr": Phrases(
        "Les documents ne répondent pas à cette question.",
        "Les passages les plus proches sont :",
        "Aucun passage trouvé ne pourrait y répondre.",
        "[non étayé]",
        "p. {n}",
        "Sources :",
        "Les documents ne répondent pas à : {question}",
        "Posez une question : sa réponse sera cherchée dans les documents.",
    ),
    "es": Phrases(
        "Los documentos no responden a esta pregunta.",
        "Los pasajes más cercanos son:",
        "No se encontró ningún pasaje que pudiera responderla.",
        "[sin respaldo]",
        "p. {n}",
        "Fuentes:",
        "Los documentos no responden a: {question}",
        "Haga una pregunta y se buscará la respuesta en los documentos.",
    ),
    "it": Phrases(
        "I documenti non rispondono a questa domanda.",
        "I passaggi più vicini sono:",
        "Nessun passaggio trovato potrebbe rispondere.",
        "[non comprovato]",
        "p. {n}",
        "Fonti:",
        "I documenti non rispondono a: {question}",
        "Faccia una domanda e la risposta verrà cercata nei documenti.",
    ),
    "pt": Phrases(
        "Os documentos não respondem a esta pergunta.",
        "Os trechos mais próximos são:",
        "Não foi encontrado nenhum trecho que pudesse respondê-la.",
        "[sem comprovação]",
        "p. {n}",
        "Fontes:",
        "Os documentos não respondem a: {question}",
        "Faça uma pergunta e a resposta será procurada nos documentos.",
    ),
    "zh": Phrases(
        "文档中没有这个问题的答案。",
        "最接近的段落是：",
        "没有找到可能回答它的段落。",
        "[未经证实]",
        "第{n}页",
        "来源：",
        "文档中没有答案：{question}",
        "请提出问题，答案将在文档中查找。",
    ),
    "ja": Phrases(
        "文書にこの質問の答えはありません。",
        "最も近い箇所：",
        "答えとなりうる箇所は見つかりませんでした。",
        "[裏付けなし]",
        "{n}ページ",
        "出典：",
        "文書に答えはありません：{question}",
        "質問してください。答えを文書から探します。",
    ),
}


def question_language(question: str, fallback: str = "") -> str:
    """The language to answer in: by script where that decides, else detected, else ``fallback``."""
    if re.search(r"[\u3040-\u30ff]", question):
        return "ja"
    if re.search(r"[\u4e00-\u9fff]", question):
        return "zh"
    return detect_language(question) or fallback


def phrases_for(language: str) -> Phrases:
    """The phrases of a language, or the English ones."""
    return PHRASES.get(language, PHRASES["en"])


def refusal(hits: Sequence[Hit], language: str) -> str:
    """The text of a refusal: that the documents hold no answer, and the passages that come nearest to one."""
    said = phrases_for(language)
    space = "" if said.refusal.endswith("。") else " "
    if not hits:
        return f"{said.refusal}{space}{said.nothing}"
    lines = [f"- {_place(hit, said)}: “{_opening(hit.chunk.text)}”" for hit in hits[:_NEAREST]]
    return "\n".join((f"{said.refusal}{space}{said.nearest}", *lines))


def missing_part(part: str, question: str) -> str:
    """That the documents do not answer ``part``, in the language of the question."""
    return phrases_for(question_language(question)).missing.replace("{question}", " ".join(part.split()))


def _place(hit: Hit, said: Phrases) -> str:
    chunk = hit.chunk
    name = chunk.title or chunk.uri.rsplit("/", 1)[-1] or chunk.uri
    page = chunk.page_at(chunk.start)
    return name if page is None else f"{name}, {said.page.format(n=page)}"


def _opening(text: str) -> str:
    flat = " ".join(text.split())
    if len(flat) <= _WORDS_SHOWN:
        return flat
    cut = flat[:_WORDS_SHOWN]
    # Cut between words, but text without spaces where it stands.
    return (cut.rsplit(" ", 1)[0] if " " in cut[_WORDS_SHOWN // 2 :] else cut) + " …"
