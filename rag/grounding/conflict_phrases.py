"""What an answer says of a document that contradicts it, in the asker's language."""

from __future__ import annotations

from rag.types import Conflict

# {quote} is the other document's sentence, {why} the rule's reason.
_SAYS = {
    "en": ("The documents disagree; another one says: “{quote}”", " The answer follows the preferred one ({why})."),
    "de": (
        "Die Dokumente widersprechen sich; ein anderes sagt: „{quote}“",
        " Die Antwort folgt dem bevorzugten ({why}).",
    ),
    "fr": ("Les documents se contredisent ; un autre dit : « {quote} »", " La réponse suit celui à préférer ({why})."),
    "es": ("Los documentos se contradicen; otro dice: «{quote}»", " La respuesta sigue el preferido ({why})."),
    "it": ("I documenti si contraddicono; un altro dice: «{quote}»", " La risposta segue quello preferito ({why})."),
    "pt": ("Os documentos contradizem-se; outro diz: «{quote}»", " A resposta segue o preferido ({why})."),
    "zh": ("文档说法不一；另一份文档称：“{quote}”", "回答采用优先的一份（{why}）。"),
    "ja": (
        "文書の記述が食い違っています。別の文書には「{quote}」とあります。",
        "回答は優先する文書に従っています（{why}）。",
    ),
}


def disagreement(conflict: Conflict, language: str) -> str:
    """That the documents disagree, what the one says that the answer does not follow, and why it does not."""
    says, follows = _SAYS.get(language, _SAYS["en"])
    other = 0 if conflict.preferred == 1 else 1
    said = says.replace("{quote}", " ".join(conflict.citations[other].quote.split()))
    return said if conflict.preferred is None else said + follows.replace("{why}", conflict.reason)
