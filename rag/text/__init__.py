"""Language-aware text analysis, shared by chunking, BM25 and grounding.

``ANALYZER_VERSION`` is stored in an index. Its first number is raised by every change after which
``terms`` gives another result for any text; the stemmer's and ICU's versions are part of it because
they change terms as well.
"""

from __future__ import annotations

import Stemmer
from icu4py import icu_version_info

from rag.text.language import detect_language
from rag.text.questions import Expected, clauses, expected, fits_years, has_unit, without_asking
from rag.text.sentences import is_heading, sentences
from rag.text.terms import is_stop_word, query_terms, stem, terms
from rag.text.variants import variants
from rag.text.words import WordTokenizer, words

ANALYZER_VERSION: str = f"1+snowball{Stemmer.version()}+icu{icu_version_info[0]}"

__all__ = [
    "ANALYZER_VERSION",
    "Expected",
    "WordTokenizer",
    "clauses",
    "detect_language",
    "expected",
    "fits_years",
    "has_unit",
    "is_heading",
    "is_stop_word",
    "query_terms",
    "sentences",
    "stem",
    "terms",
    "variants",
    "without_asking",
    "words",
]
