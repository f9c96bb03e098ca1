"""Every error Ragstone raises on purpose.

The tree::

    RagError                        what was wrong, where, and what to do about it
    ├── LoadError                   a file or a record could not be read
    ├── ChunkError                  a text could not be cut within the token budget
    ├── ModelError                  a model is missing, damaged, or not the one expected
    ├── EmbeddingError              an embedder failed or gave vectors of the wrong shape
    ├── GenerationError             a language model failed
    │   ├── ContextError            the prompt does not fit the model's context
    │   ├── ChoiceError             the reply is none of the options
    │   └── GenerationTimeoutError  the model did not answer in time
    ├── RerankError                 a reranker failed
    ├── QueryError                  a question, ``k`` or another search argument is unusable
    │   └── FilterError             a ``where`` expression does not parse
    ├── StorageError                the index folder is not usable
    │   ├── NotAnIndexError         the folder holds no index
    │   ├── IndexFormatError        the index was written by a newer Ragstone
    │   ├── IndexLockedError        another process is writing
    │   ├── CorruptIndexError       a file of the index is missing or its hash differs
    │   └── EmbedderMismatchError   the index was built with another embedder
    ├── ToolError                   a tool's arguments are wrong, or it failed
    ├── ConversationError           a conversation or one of its turns is not there, or cannot be read
    ├── RecipeError                 a recipe has an unknown key or a wrong value
    ├── CredentialError             an API key is unusable
    ├── EvaluationError             judgements, a run, a data set, a suite or a measure is unusable
    └── MissingExtraError           an optional package is needed; names the extra to install

A message says what was wrong; ``where`` names the file, line, page or key it was found at;
``hint`` says what to do. ``str(error)`` joins the three.
"""

from __future__ import annotations


class RagError(Exception):
    """Base of all errors; catch it to catch everything Ragstone raises on purpose."""

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text} ({self.hint})" if self.hint else text


class LoadError(RagError):
    """A file or a record could not be read; ``where`` is its uri, with line or page if known."""


class ChunkError(RagError):
    """A text could not be cut within the token budget."""


class ModelError(RagError):
    """A model is missing, damaged, or not the one expected."""


class EmbeddingError(RagError):
    """An embedder failed or gave vectors of the wrong shape."""


class GenerationError(RagError):
    """A language model failed, timed out or broke off."""


class ContextError(GenerationError):
    """The prompt does not fit the model's context."""


class ChoiceError(GenerationError):
    """The reply is none of the options that were offered."""


class GenerationTimeoutError(GenerationError):
    """The model did not answer in time."""


class RerankError(RagError):
    """A reranker failed."""


class QueryError(RagError):
    """A question, ``k`` or another search argument is unusable."""


class FilterError(QueryError):
    """A ``where`` expression does not parse."""


class StorageError(RagError):
    """The index folder is not usable."""


class NotAnIndexError(StorageError):
    """The folder holds no index."""


class IndexFormatError(StorageError):
    """The index was written by a newer Ragstone."""


class IndexLockedError(StorageError):
    """Another process is writing to the index."""


class CorruptIndexError(StorageError):
    """A file of the index is missing or its hash differs."""


class EmbedderMismatchError(StorageError):
    """The index was built with another embedder than the one given."""


class RecipeError(RagError):
    """A recipe has an unknown key or a wrong value."""


class CredentialError(RagError):
    """An API key is unusable; the message never holds it."""


class EvaluationError(RagError):
    """Judgements, a run, a data set, a suite or a measure is unusable; ``where`` is the file and line."""


class MissingExtraError(RagError, ImportError):
    """An optional package is not installed; the hint names the extra that brings it."""


class ToolError(RagError):
    """A tool's arguments are wrong, or it failed; ``where`` is the tool's name."""


class ConversationError(RagError):
    """A conversation or one of its turns is not there, or cannot be read."""
