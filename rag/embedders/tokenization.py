"""The tokenizer of a model folder: what Tokenizer's ``count`` and ``offsets`` mean, and batches of ids."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import EmbeddingError, ModelError

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

SURROGATE = re.compile("[\ud800-\udfff]")
WORD = re.compile(r"\w+|[^\w\s]")


class EstimatingTokenizer:
    """Tokens of a model whose tokenizer is elsewhere: a token for every three bytes of a word, or less.

    Byte-pair encodings of 100,000 tokens and more average over four bytes a token on English and
    about three on Chinese, so texts come out shorter than they are counted. Implements Tokenizer.
    """

    def count(self, text: str) -> int:
        """An estimate on the high side."""
        return len(self.offsets(text)) + 2

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Code point offsets of pieces of words, three bytes each at most where characters allow."""
        pieces = []
        for word in WORD.finditer(valid(text)):
            start = end = word.start()
            size = 0
            for character in word.group():
                width = len(character.encode())
                if size and size + width > 3:
                    pieces.append((start, end))
                    start, size = end, 0
                size += width
                end += 1
            pieces.append((start, end))
        return pieces


class HuggingFaceTokenizer:
    """A ``tokenizer.json``, without truncation or padding. Implements rag.protocols.Tokenizer.

    ``prompt`` is what the model wants before every passage: ``count`` includes it, so that a
    passage within the budget is within the model's limit. ``lowercase`` lower-cases first, as
    sentence-transformers' ``do_lower_case`` does.
    """

    def __init__(self, path: Path, *, prompt: str = "", lowercase: bool = False) -> None:
        """Raises ModelError."""
        from tokenizers import Tokenizer, normalizers

        try:
            self._tokenizer: Tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the binding raises nothing narrower
            raise ModelError(f"not a usable tokenizer: {error}", where=str(path)) from error
        self._prompt = prompt
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        if lowercase:
            present = self._tokenizer.normalizer
            steps = [normalizers.Lowercase(), *([present] if present else [])]
            self._tokenizer.normalizer = normalizers.Sequence(steps)

    def count(self, text: str) -> int:
        """Tokens of a passage, prompt and special tokens included."""
        return len(self._encode(self._prompt + text, special=True))

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Code point offsets of each token, prompt and special tokens left out."""
        return list(self._encode(text, special=False).offsets)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, special tokens included, prompt not, uncut."""
        encoded = self._tokenizer.encode_batch_fast([valid(text) for text in texts])
        return [encoding.ids for encoding in encoded]

    def cut(self, text: str, max_tokens: int) -> list[int]:
        """Token ids of ``text`` with its tail cut off so that, special tokens included, ``max_tokens`` remain."""
        encoding = self._encode(text, special=False)
        room = max_tokens - self._tokenizer.num_special_tokens_to_add(is_pair=False)
        encoding.truncate(max(0, room))
        return list(self._tokenizer.post_process(encoding).ids)

    def pieces(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Token ids of ``text`` and their code point offsets, special tokens and prompt left out, uncut."""
        encoding = self._encode(text, special=False)
        return list(encoding.ids), list(encoding.offsets)

    def frame(self) -> tuple[list[int], list[int]]:
        """The ids of the special tokens before and after a text."""
        encoding = self._encode("a", special=True)
        inside = [index for index, special in enumerate(encoding.special_tokens_mask) if not special]
        return list(encoding.ids[: inside[0]]), list(encoding.ids[inside[-1] + 1 :])

    def pad_id(self, default: int) -> int:
        """The id of the padding token, if the tokenizer names the usual one."""
        for token in ("[PAD]", "<pad>"):
            if (found := self._tokenizer.token_to_id(token)) is not None:
                return int(found)
        return default

    def _encode(self, text: str, *, special: bool) -> Encoding:
        return self._tokenizer.encode(valid(text), add_special_tokens=special)


def distinct_texts(
    texts: Sequence[str], tokenizer: HuggingFaceTokenizer, prompt: str, max_tokens: int
) -> tuple[list[str], list[list[int]], list[int]]:
    """The texts without repeats, their token ids behind ``prompt``, and the place of each text among them.

    Raises EmbeddingError on a text over ``max_tokens``.
    """
    distinct = list(dict.fromkeys(texts))
    encoded = tokenizer.encode_batch([prompt + text for text in distinct])
    place = {text: index for index, text in enumerate(distinct)}
    places = [place[text] for text in texts]
    check_lengths([len(encoded[index]) for index in places], max_tokens)
    return distinct, encoded, places


def check_lengths(lengths: Sequence[int], max_tokens: int) -> None:
    """Raise EmbeddingError for the first text over ``max_tokens``: nothing is ever cut silently."""
    for index, length in enumerate(lengths):
        if length > max_tokens:
            raise EmbeddingError(
                f"text {index} has {length} tokens; the model reads {max_tokens}",
                hint="cut it with a chunker that uses this embedder's tokenizer and max_tokens",
            )


def valid(text: str) -> str:
    """Lone surrogates, which no tokenizer takes, become U+FFFD: one code point for another, so offsets stay."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return SURROGATE.sub("\ufffd", text)
    return text
