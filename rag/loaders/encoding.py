"""Bytes -> str: byte order mark, then strict UTF-8, then a guess by charset-normalizer, or a LoadError."""

from __future__ import annotations

import codecs

from rag.errors import LoadError

__all__ = ["DECLARABLE", "decode", "require_content"]

# UTF-32 first: its little-endian mark starts with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SIGNATURES = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive (also DOCX, XLSX, ODT)"),
    (b"\xd0\xcf\x11\xe0", "an old Office file (DOC, XLS, PPT)"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x7fELF", "an ELF program"),
    (b"SQLite format 3", "an SQLite database"),
)
# The legacy encodings that files are really found in. Left to choose among a hundred, the detector
# takes a short French text for Macintosh Latin and a German one for a DOS code page.
_LEGACY = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258",
    "cp874", "koi8_r", "koi8_u", "iso8859_2", "iso8859_5", "iso8859_7",
    "cp932", "euc_jp", "iso2022_jp", "gb18030", "big5", "cp949",
]  # fmt: skip
# Codecs a file may name for itself; Python knows others ("zlib", "rot13") that are no encodings of text.
DECLARABLE = frozenset(codecs.lookup(name).name for name in [*_LEGACY, "utf-8", "big5hkscs"])
_SAMPLE = 256 * 1024
_CONTROLS = bytes([*range(1, 8), *range(14, 27), *range(28, 32), 127])
_MAX_CONTROL_SHARE = 0.02


def require_content(data: bytes, *, uri: str) -> None:
    """Raise LoadError for a file of 0 bytes."""
    if not data:
        raise LoadError("the file is empty (0 bytes)", where=uri, hint="nothing to index; delete or refill it")


def decode(data: bytes, *, uri: str, declared: str = "") -> str:
    """Text of ``data``, newlines untouched, a byte order mark removed; never a lone surrogate or NUL.

    Args:
        data: the bytes of a whole file.
        uri: named in errors.
        declared: one of DECLARABLE that the file itself names; used where the bytes are valid in it.

    Raises:
        LoadError: empty, binary, white space only, or in no one encoding; names the byte offset.
    """
    require_content(data, uri=uri)
    for mark, codec in _MARKS:
        if data.startswith(mark):
            text = _strictly(data, codec, uri=uri)[1:]
            return _readable(text, uri=uri)
    _refuse_binary(data, uri=uri)
    # A page whose author chose nothing says cp1252 (Latin-1), so valid UTF-8 goes before that one.
    order = ("utf-8", declared) if declared in ("", "cp1252") else (declared, "utf-8")
    for codec in filter(None, order):
        try:
            return _readable(data.decode(codec), uri=uri)
        except UnicodeDecodeError as error:
            if codec == "utf-8":
                bad = error.start
    return _readable(_legacy(data, bad, uri=uri), uri=uri)


def _refuse_binary(data: bytes, *, uri: str) -> None:
    kind = next((f": it looks like {name}" for magic, name in _SIGNATURES if data.startswith(magic)), "")
    hint = "give it the suffix of its format, convert it to text, or exclude it"
    nul = data.find(b"\0")
    if nul >= 0:
        raise LoadError(f"binary content{kind} (NUL at byte {nul})", where=uri, hint=hint)
    sample = data[:_SAMPLE]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if controls > _MAX_CONTROL_SHARE * len(sample) or kind.endswith("PDF"):
        raise LoadError(f"binary content{kind} ({controls} control characters)", where=uri, hint=hint)


def _legacy(data: bytes, bad: int, *, uri: str) -> str:
    """Decode what is no UTF-8, from byte ``bad`` on, by the most plausible legacy encoding."""
    from charset_normalizer import from_bytes

    sample = data[max(0, bad - _SAMPLE // 2) : bad + _SAMPLE // 2]
    if bad + _SAMPLE // 2 < len(data):  # a newline is part of no longer character in any of them
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    tried = sample.decode("utf-8", "replace")
    wrong = tried.count("\ufffd")
    right = sum(character > "\x7f" for character in tried) - wrong
    line = data.count(b"\n", 0, bad) + 1
    where = f"{uri} byte {bad} (line {line})"
    hint = "convert the file to UTF-8"
    # A legacy text is hardly ever valid UTF-8 by chance, so more right than wrong means UTF-8 with a
    # foreign part; read in any one legacy encoding, all the right ones would turn to gibberish.
    if right > wrong:
        raise LoadError(f"mixed encodings: UTF-8 with a foreign byte 0x{data[bad]:02X}", where=where, hint=hint)
    match = from_bytes(sample, cp_isolation=_LEGACY).best()
    if match is None:
        raise LoadError(f"neither UTF-8 nor one known legacy encoding: byte 0x{data[bad]:02X}", where=where, hint=hint)
    return _strictly(data, match.encoding, uri=uri)


def _strictly(data: bytes, codec: str, *, uri: str) -> str:
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        raise LoadError(
            f"not valid {codec}: {error.reason}",
            where=f"{uri} byte {error.start}",
            hint="convert the file to UTF-8",
        ) from error


def _readable(text: str, *, uri: str) -> str:
    if "\0" in text:
        raise LoadError(
            f"binary content (NUL at character {text.index(chr(0))})",
            where=uri,
            hint="remove the NUL, or exclude the file",
        )
    if not text or text.isspace():
        raise LoadError("the file holds only white space", where=uri, hint="nothing to index")
    return text
