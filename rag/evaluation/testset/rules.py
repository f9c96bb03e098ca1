"""Questions without a model: a statement turned round by its auxiliary, or in Chinese by the question word.

Only statements of plain build are turned; any other gives None. English: subject, verb, rest, where the verb is an
auxiliary, or stands right before the answer and has a base form that is known. Chinese keeps the order of words, so the
answer's place takes the question word.
"""

from __future__ import annotations

import re
from itertools import pairwise

from rag.evaluation.testset.english_verbs import AUXILIARIES, HAVE, PAST, base_form
from rag.evaluation.testset.source import AnswerKind, Candidate
from rag.text import is_stop_word

_PARTICIPLE = re.compile(r"been|not|\w+ed|\w+en")
_DETERMINERS = frozenset(
    {"a", "an", "the", "no", "some", "several", "many", "few", "more", "its", "their", "his", "her"}
)
_ARTICLES = frozenset({"the", "a", "an", "its", "their", "his", "her", "of", "and"})
_BEFORE_QUANTITY = frozenset({"is", "are", "was", "were", *HAVE})
_LONG = re.compile(r"^\s(long|high|wide|deep|old|tall|thick|away)\b")
_HEDGE = (
    r"(?:also|about|only|nearly|almost|around|roughly|approximately|over|at least|at most|up to|more than|less than|"
    r"exactly)"
)
_NOT_SUBJECT = re.compile(
    r"[,;:()]|\b(?:who|which|that|when|while|if|because|whose|where|although|after|before|as|since|until|than|and|or|by|though)\b"
    r"|^(?:in|on|at|for|from|to|of|with|during|under|among|despite|like|unlike|according|dating|being|"
    r"having|following|including|starting|beginning|living|based)\b",
    re.IGNORECASE,
)
_FRONTED = re.compile(r"\s*(?P<preposition>In|On|By|Since|After|Before|Around|Until)\s+", re.IGNORECASE)
_CIRCUMSTANCE = re.compile(r"\s(?:in|at|for|on|per|a|an|each|every|within|under|during)\s")
_SOMEWHERE = re.compile(
    r"(?:\b(?:is|are|was|were|be|been)\s(?:\w+ly\s)?(?:born|buried|located|situated|established|built|opened|signed|held|"
    r"fought|based|founded|headquartered|found|made|produced|stored|published)"
    r"|\s(?:arrived|landed|settled|stopped|lives|lived|died|stands|lies))(?P<place>\s(?:in|at|near)\s+(?:the\s+)?)$"
)
_NO_PERSON = re.compile(
    r"\b(?:of|the|church|museum|university|river|fort|company|instruments?|palace|park|street|road|act|war|treaty|union|"
    r"parliament|court|council|commission|army|navy|house|castle|bridge|lake|mount|island|islands|school|college|institute|"
    r"society|association|party|league|club|bank|city|town|square|garden|gardens|theatre|station|airport|empire|kingdom|"
    r"republic|states?|charter|royal|committees?|forest|mountains?|business|africa|america|asia|europe|ocean|sea|north|south|east|west|new|san|los|saint|language|day|prize|award|link|view|software|project|french|dutch|german|sub|though|since|today|individual|significant|several|many|most)\b|(?:ish|ese|ian)s?\b|[&/\d]|(?-i:[A-Z]{2})",
    re.IGNORECASE,
)
_NO_PLACE = re.compile(
    r"\b(?:war|act|treaty|article|revolution|rebellion|uprising|battle|(?:\w+ish|german|french|chinese|latin|dutch|greek))\b",
    re.I,
)
_TAIL_STOP = re.compile(r"[,;:()]|\b(?:but|or|which|who|them|him|it|they|he|she|his|her|their|its|this|these)\b", re.I)
_NOUNS = re.compile(r"(?:[\s-](?!\d)[\w'’-]+){0,4}")
_PREPOSITIONS = frozenset({"for", "within", "after"})
_CHINESE: dict[AnswerKind, str] = {
    "year": "哪一", "date": "什么时候", "time": "几点", "money": "多少钱", "share": "百分之多少", "extent": "多久",
}  # fmt: skip
MOST_WORDS = 22


def ask_by_rule(candidate: Candidate) -> str | None:
    """A question for the candidate's answer, or None where no rule fits."""
    if candidate.passage.language == "zh":
        return _chinese(candidate)
    if candidate.passage.language != "en":
        return None
    return _english(candidate)


def _english(candidate: Candidate) -> str | None:
    before, after = candidate.statement
    before = re.sub(rf"(?:\b{_HEDGE}\s+)+$", "", f" {before}", flags=re.IGNORECASE)
    if _breaks_off(after) or len(before.split()) + len(after.split()) > MOST_WORDS:
        return None
    for rule in (_when, _quantity, _who):
        if question := rule(candidate, before, after):
            return question
    return None


def _when(candidate: Candidate, before: str, after: str) -> str | None:
    if candidate.kind not in {"year", "date", "time"}:
        return None
    if fronted := _FRONTED.fullmatch(before):  # "In 2016 the company bought ..."
        asking = _asking(candidate, fronted["preposition"].casefold())
        return _turned(candidate, asking, after, "") if asking and candidate.kind != "time" else None
    match = re.search(
        r"\s(?P<preposition>in|on|since|until|from|at|by|before|after|around)\s+(?:the year\s+)?$", before
    )
    if not match:
        return _copula(candidate, before, after)
    asking = _asking(candidate, match["preposition"])
    return _turned(candidate, asking, before[: match.start()], after) if asking else None


def _asking(candidate: Candidate, preposition: str) -> str:
    """The words that ask for a time after a preposition; "" where there are none."""
    if candidate.kind == "time":
        return "At what time" if preposition == "at" else ""
    if candidate.kind == "year" and preposition != "at":
        return f"{preposition.capitalize()} what year"
    if preposition in {"in", "on"}:
        return "When"
    return f"{preposition.capitalize()} when" if preposition in {"since", "until", "from"} else ""


def _quantity(candidate: Candidate, before: str, after: str) -> str | None:
    """Asks "how many working days", in the place of a number with its noun."""
    if candidate.kind not in {"money", "share", "extent", "measure", "count"}:
        return None
    turned = _copula(candidate, before, after) if candidate.kind != "count" else None
    if turned:
        return turned
    noun, after = _counted(after) if candidate.kind == "count" else (_unit(candidate), after)
    asking = f"how many {noun}"
    if candidate.kind == "money" and not candidate.answer[0].isalnum():
        noun, asking = "money", "how much money"
    if not noun[:1].isalpha() or re.match(r"\s(?:of|or|to|and|later|earlier|ago|before)\b", after):
        return None
    if candidate.kind == "share" and after.strip() and not _CIRCUMSTANCE.match(after):
        return None
    if long := _LONG.match(after):
        asking, after = f"{asking} {long[1]}", after[long.end() :]
    words = before.split()
    if words and words[-1] in _PREPOSITIONS and candidate.kind == "extent":
        asking, before = f"{words[-1]} {asking}", " ".join(words[:-1])
    elif not words or words[-1] == "every" or (is_stop_word(words[-1], "en") and words[-1] not in _BEFORE_QUANTITY):
        return None
    return _turned(candidate, asking[0].upper() + asking[1:], before, after)


def _unit(candidate: Candidate) -> str:
    """What follows the number in the answer; "" where there is no number or no word."""
    number = re.match(r"[\d.,]+|[a-z]+(?:-[a-z]+)?", candidate.answer, re.IGNORECASE)
    if number is None:
        return ""
    return "percent" if candidate.kind == "share" else candidate.answer[number.end() :].strip(" -\u00a0")


def _counted(after: str) -> tuple[str, str]:
    """What a number counts, and the rest: a plural, with at most two words before it; "" where there is none."""
    found = _NOUNS.match(after)
    words: list[str] = []
    for word in found.group().split() if found else ():
        if is_stop_word(word, "en") or word.casefold().endswith("ly"):
            break
        words.append(word)
    if not words or len(words) > 3 or not words[-1].endswith("s"):
        return "", after
    return " ".join(words), after[after.find(words[-1]) + len(words[-1]) :]


def _copula(candidate: Candidate, before: str, after: str) -> str | None:
    """From "The deposit is 500 euros" to "What is the deposit?"; the answer must be all that is said."""
    match = re.fullmatch(r"\s*(?P<subject>\S.*?)\s(?P<verb>is|are|was|were)\s+", before)
    if not match or not _is_subject(match["subject"]) or (after.strip() and not _CIRCUMSTANCE.match(after)):
        return None
    asking = "What"
    if candidate.kind in {"year", "date", "time"}:
        asking = "When"
    return f"{asking} {match['verb']} {_uncapitalised(match['subject'], candidate)}{after.rstrip()}?"


def _who(candidate: Candidate, before: str, after: str) -> str | None:
    """Asks "who", in the place of a person who does it or by whom it is done, and "where", in the place of a place."""
    if candidate.kind != "name":
        return None
    if is_person(candidate):
        return _which_person(candidate, before, after)
    match = _SOMEWHERE.search(before)
    if match and not after.strip() and not _NO_PLACE.search(candidate.answer):
        return _turned(candidate, "Where", before[: match.start("place")], "")
    return None


def _which_person(candidate: Candidate, before: str, after: str) -> str | None:
    if not before.strip():
        verb, *rest = after.split() or [""]
        # "believed that in order to survive," and cut there
        cut = "that" in rest and len(after) + 2 < len(candidate.around[1])
        does = verb in AUXILIARIES or verb in HAVE or base_form(verb) is not None
        return f"Who{after.rstrip()}?" if does and len(rest) > 2 and not cut and not _breaks_off(after) else None
    if match := re.search(r"(?:ed|en|[uao]wn|led|built|made|won|held)(?P<by>\sby\s+)$", before):
        return _turned(candidate, "By whom", before[: match.start("by")], after)
    match = re.fullmatch(r"\s*(?P<subject>\S.*?)\s(?P<verb>is|was)\s+", before)
    if match and not after.strip() and _is_subject(match["subject"]):
        return f"Who {match['verb']} {_uncapitalised(match['subject'], candidate)}?"
    return None


def is_person(candidate: Candidate) -> bool:
    """Whether a name is written as a person's may be: two or three words with capitals, none of which names a thing.

    Nor does the document write any of them without a capital.
    """
    parts = candidate.answer.split()
    if not candidate.proper or not 2 <= len(parts) <= 3 or not all(part[0].isupper() for part in parts):
        return False
    return not (_NO_PERSON.search(candidate.answer) or is_stop_word(parts[0], "en"))


def _turned(candidate: Candidate, asking: str, before: str, after: str) -> str | None:
    """Question words, auxiliary, subject, and the rest without the answer."""
    said, tail = before.strip(), after.strip()
    found = _verb(said)
    if found is None:
        return None
    subject, auxiliary, rest = found
    # "From when was the law?" asks nothing: something must be said of the subject.
    hollow = candidate.kind in {"year", "date", "time"} and not (rest or tail)
    if not _is_subject(subject) or _breaks_off(rest) or hollow:
        return None
    words = (asking, auxiliary, _uncapitalised(subject, candidate), rest, tail)
    return f"{' '.join(part for part in words if part)}?"


def _verb(said: str) -> tuple[str, str, str] | None:
    """Subject, auxiliary and rest of a statement: its first auxiliary, or the first verb whose base is known."""
    words = said.split()
    for i, word in enumerate(words[1:], start=1):
        following = words[i + 1] if i + 1 < len(words) else ""
        if word in AUXILIARIES or (word in HAVE and _PARTICIPLE.fullmatch(following)):
            return " ".join(words[:i]), word, " ".join(words[i + 1 :])
        if word in HAVE:
            found = following in _DETERMINERS or following[:1].isdigit() or not following
        elif word.endswith("ed"):
            # "the Allied terms required", "full-sized cars reflected": the first of two may be an adjective
            found = word.isalpha() and words[i - 1] not in _ARTICLES and not any(map(_finite, words[i + 1 :]))
            if not found and any(map(_finite, words[i + 1 :])):
                continue
        else:
            # A word in -s is as likely a plural: it is taken for the verb only where it ends what is before the answer.
            found = word in PAST or i == len(words) - 1
            if not found:
                continue
        base = base_form(word) if found else None
        return (" ".join(words[:i]), base[0], " ".join([base[1], *words[i + 1 :]])) if base else None
    return None


def _finite(word: str) -> bool:
    return word in AUXILIARIES or word in HAVE or word in PAST or (word.endswith("ed") and word.isalpha())


def _breaks_off(rest: str) -> bool:
    """Whether the rest of a statement goes on with another."""
    if _TAIL_STOP.search(rest.replace(" and ", " ")):
        return True
    tail = rest.partition(" and ")[2].split()
    return any(map(_finite, tail))


def _is_subject(text: str) -> bool:
    words = text.split()
    if any(word.endswith("ed") and before not in _ARTICLES for before, word in pairwise([w.casefold() for w in words])):
        return False
    return 1 <= len(words) <= 10 and not _NOT_SUBJECT.search(text.strip())


def _uncapitalised(subject: str, candidate: Candidate) -> str:
    """The subject inside a sentence: its first word loses a capital that it has only for opening one."""
    subject = subject.strip()
    first = subject.split()[0]
    opens = candidate.sentence.lstrip("\"'“‘(").startswith(first)
    plain = is_stop_word(first, "en") or (candidate.opens_plain and not _named(subject, candidate))
    plain = plain and opens
    return subject[0].lower() + subject[1:] if plain else subject


def _named(subject: str, candidate: Candidate) -> bool:
    return any(fact.kind in {"name", "code"} and subject.startswith(fact.text) for fact in candidate.rivals)


def _chinese(candidate: Candidate) -> str | None:
    word = _CHINESE.get(candidate.kind)
    before, after = candidate.around
    if word is None or not re.fullmatch(r"[。！]?", after.strip()):
        return None
    before = re.sub("[约大]+$", "", before)
    clause = re.split(r"[，；：]", before)[-1] if len(re.split(r"[，；：]", before)[-1]) >= 6 else before
    if "，" in clause or "。" in clause:
        return None
    return f"{clause.strip()}{word}{'年' if candidate.kind == 'year' else ''}？"
