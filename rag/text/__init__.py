"""Language-aware text analysis, shared by chunking, BM25 and grounding.

``ANALYZER_VERSION`` is stored in an index. Its first number is raised by every change after which
``terms`` gives another result for any text; the stemmer's and ICU's versions are part of it because
they change terms as well.
"""

from __future__ import annotations

import Stemmer
from icu4py import icu_version_info

from rag.text.language import detect_language
from rag.text.sentences import sentences
from rag.text.terms import is_stop_word, query_terms, stem, terms
from rag.text.words import WordTokenizer, words

ANALYZER_VERSION: str = f"1+snowball{Stemmer.version()}+icu{icu_version_info[0]}"

__all__ = [
    "ANALYZER_VERSION",
    "WordTokenizer",
    "detect_language",
    "is_stop_word",
    "query_terms",
    "sentences",
    "stem",
    "terms",
    "words",
]
