"""Words that a stemmer keeps apart and that mean the same to a question: "who leads" is answered by "is led by"."""

from __future__ import annotations

from functools import lru_cache

from rag.text.terms import stem

__all__ = ["variants"]

# English verbs whose forms Snowball does not bring together, and what a thing costs is its price.
_GROUPS = """
    arise arose arisen; bear bore borne born; beat beaten; become became; begin began begun; break broke broken;
    bring brought; build built; buy bought; catch caught; choose chose chosen choice; come came; cost price;
    deal dealt; die death dead; draw drew drawn; drive drove driven; eat ate eaten; fall fell fallen; feel felt;
    fight fought; find found; fly flew flown; freeze froze frozen; get got gotten; give gave given; go went gone;
    grow grew grown; hear heard; hide hid hidden; hold held; keep kept; know knew known; lay laid; lead led;
    leave left; lend lent; lose lost loss; make made; mean meant; meet met; pay paid; rise rose risen;
    run ran; say said; see saw seen; seek sought; sell sold sale; send sent; shake shook shaken;
    shine shone; shoot shot; show shown; sing sang sung; sink sank sunk; sit sat; sleep slept; speak spoke spoken;
    spend spent; stand stood; steal stole stolen; strike struck; swim swam swum; take took taken; teach taught;
    tell told; think thought; throw threw thrown; understand understood; wear wore worn; win won; write wrote written
"""


@lru_cache(maxsize=1)
def _table() -> dict[str, frozenset[str]]:
    table: dict[str, frozenset[str]] = {}
    for group in _GROUPS.split(";"):
        stems = frozenset(stem(word, "en") for word in group.split())
        table |= {term: table.get(term, frozenset()) | stems for term in stems}
    return table


def variants(term: str) -> frozenset[str]:
    """The index terms that answer to a question's term, itself among them."""
    return _table().get(term, frozenset()) | {term}
