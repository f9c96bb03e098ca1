"""Plain text and source code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from rag.errors import LoadError
from rag.loaders.encoding import decode
from rag.loaders.uris import uri_stem
from rag.types import Document

__all__ = ["SOURCE_TYPES", "TextLoader"]

SOURCE_TYPES = {
    ".bash": "text/x-sh", ".bat": "text/x-bat", ".c": "text/x-c", ".cc": "text/x-c++", ".cfg": "text/x-ini",
    ".clj": "text/x-clojure", ".cmake": "text/x-cmake", ".conf": "text/x-ini", ".cpp": "text/x-c++",
    ".cs": "text/x-csharp", ".css": "text/css", ".cu": "text/x-cuda", ".cxx": "text/x-c++",
    ".dart": "text/x-dart", ".diff": "text/x-diff", ".el": "text/x-lisp", ".erl": "text/x-erlang",
    ".ex": "text/x-elixir", ".exs": "text/x-elixir", ".f90": "text/x-fortran", ".go": "text/x-go",
    ".gradle": "text/x-groovy", ".graphql": "text/x-graphql", ".groovy": "text/x-groovy", ".h": "text/x-c",
    ".hh": "text/x-c++", ".hpp": "text/x-c++", ".hs": "text/x-haskell", ".ini": "text/x-ini",
    ".java": "text/x-java", ".jl": "text/x-julia", ".js": "text/javascript", ".json": "application/json",
    ".jsx": "text/javascript", ".kt": "text/x-kotlin", ".lisp": "text/x-lisp", ".lua": "text/x-lua",
    ".m": "text/x-matlab", ".mjs": "text/javascript", ".ml": "text/x-ocaml", ".nim": "text/x-nim",
    ".patch": "text/x-diff", ".php": "text/x-php", ".pl": "text/x-perl", ".properties": "text/x-properties",
    ".proto": "text/x-protobuf", ".ps1": "text/x-powershell", ".py": "text/x-python",
    ".pyi": "text/x-python", ".r": "text/x-r", ".rb": "text/x-ruby", ".rs": "text/x-rust",
    ".scala": "text/x-scala", ".scss": "text/x-scss", ".sh": "text/x-sh", ".sql": "text/x-sql",
    ".swift": "text/x-swift", ".tex": "text/x-tex", ".tf": "text/x-terraform", ".toml": "text/x-toml",
    ".ts": "text/typescript", ".tsx": "text/typescript", ".v": "text/x-verilog", ".vb": "text/x-vb",
    ".vue": "text/x-vue", ".xml": "text/xml", ".yaml": "text/yaml", ".yml": "text/yaml",
    ".zig": "text/x-zig", ".zsh": "text/x-sh",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TextLoader:
    """One document whose text is the decoded file, newlines untouched, without blocks.

    The title is the file's name, without the suffix unless it is source code.
    """

    media_type: str = "text/plain"

    def load(self, data: bytes, *, uri: str) -> Iterator[Document | LoadError]:
        """See Loader. Raises LoadError for empty, binary and mixed content, as ``decode`` tells it."""
        text = decode(data, uri=uri)
        title = uri_stem(uri)
        if self.media_type != "text/plain":
            title += PurePosixPath(uri).suffix
        yield Document(uri=uri, text=text, title=title, media_type=self.media_type)
