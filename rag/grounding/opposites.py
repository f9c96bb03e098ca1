"""Words that say the contrary of one another, by list and by prefix: what a question turned round is full of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from rag.text import stem

__all__ = ["Vocabulary"]

_GROUPS = """
more less fewer|most least fewest|larger smaller|large small little|bigger smaller|largest smallest|biggest smallest
greater lesser smaller|greatest least smallest|higher lower|highest lowest|high low|longer shorter|longest shortest
long short|older newer younger|oldest newest youngest|old new young|earlier later|earliest latest|early late
first last final|before after|former latter|beginning end|begin end|start end stop|began ended stopped|north south
northern southern|east west|eastern western|left right|upper lower|above below|inside outside|internal external
win lose|won lost|winner loser|victory defeat|increase decrease reduce|increased decreased reduced fell|rise fall drop
rose fell dropped|raise lower cut|gain lose|gained lost|grow shrink decline|grew shrank declined|strong weak
stronger weaker|strongest weakest|strength weakness|rich poor|richer poorer|good bad|better worse|best worst
easy difficult hard|common rare uncommon|often rarely seldom never|always never|all none|many few|majority minority
maximum minimum|allow forbid prohibit ban prevent|allowed forbidden prohibited banned|accept reject refuse
accepted rejected refused|agree disagree|agreed disagreed|support oppose|supported opposed|supporter opponent
attack defend|attacked defended|ally enemy|friend enemy|friendly hostile|peace war|life death|born died|birth death
arrive leave depart|arrived left departed|enter leave exit|join leave|joined left|open close|opened closed
create destroy|created destroyed|build demolish destroy|built demolished destroyed|buy sell|bought sold|import export
imports exports|give take|gave took|borrow lend|public private|domestic foreign|native foreign|rural urban
ancient modern|past future|male female|men women|man woman|boys girls|father mother|son daughter|brother sister
husband wife|king queen|advantage disadvantage|positive negative|success failure|succeed fail|succeeded failed
successful unsuccessful|true false|right wrong|legal illegal|formal informal|direct indirect|dependent independent
similar different|same different|together apart separate|unite divide|united divided|full empty|heavy light|hot cold
warm cold|warmer colder|wet dry|fast slow|faster slower|deep shallow|wide narrow|thick thin|near far|closest farthest
cheap expensive|cheaper costlier|costly cheap|include exclude|included excluded|including excluding|with without
primary secondary|major minor|superior inferior|simple complex|permanent temporary|general specific|senior junior
ascend descend|appear disappear|appeared disappeared|remember forget|love hate|loved hated|encourage discourage
encouraged discouraged|responsible irresponsible|maintain abandon|maintained abandoned|conquer surrender
conquered surrendered|freedom slavery|upward downward
"""
_PREFIXES = ("un", "in", "im", "il", "ir", "dis", "non", "anti", "mis")
_LEAST = 4  # letters that remain: "under" is not the contrary of "der"


@lru_cache(maxsize=1)
def _opposites() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for group in _GROUPS.replace("\n", "|").split("|"):
        first, *others = group.split() or [""]
        for other in others:
            found[first] = found.get(first, frozenset()) | {other}
            found[other] = found.get(other, frozenset()) | {first}
    return found


@lru_cache(maxsize=8192)
def _bare(word: str) -> str:
    """The stem of a word without a prefix that denies; "" where it has none."""
    rest = next((word[len(prefix) :] for prefix in _PREFIXES if word.startswith(prefix)), "")
    return stem(rest, "en") if len(rest) >= _LEAST else ""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The casefolded words of a text, their stems, and the stems of those that a prefix denies, without it."""

    words: frozenset[str]
    stems: frozenset[str]
    bare: frozenset[str]

    @classmethod
    def of(cls, words: Iterable[str]) -> Vocabulary:
        """Of casefolded English words."""
        held = frozenset(words)
        return cls(
            held,
            frozenset(stem(word, "en") for word in held),
            frozenset(_bare(word) for word in held) - {""},
        )

    def contradicts(self, word: str) -> bool:
        """Whether the text lacks a word and holds its contrary: more, less; common, uncommon."""
        if word in self.words:
            return False
        return (
            not self.words.isdisjoint(_opposites().get(word, frozenset()))
            or _bare(word) in self.stems
            or stem(word, "en") in self.bare
        )
