"""The SQLite catalogue: its schema, how it is opened, and what its errors become.

Free text (uris, titles, metadata strings, document text) is stored as UTF-8 blobs with surrogates
passed through, so that NUL characters and lone surrogates of damaged input survive; SQLite compares
blobs byte by byte, which for UTF-8 is the order of code points.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rag.errors import CorruptIndexError, IndexFormatError, NotAnIndexError, StorageError

FORMAT = 3  # 2 added chunks.context, 3 documents.indexed
APPLICATION_ID = 0x52414753  # "RAGS"
NAME = "catalogue.sqlite"
SEGMENTS = "segments"
NOTE = "note:"  # begins the keys of callers' notes in ``meta``
PART = 8192  # code points of document text in one row: what reading one passage costs at most, twice

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE files (sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE segments (number INTEGER PRIMARY KEY AUTOINCREMENT, rows INTEGER NOT NULL) STRICT;

CREATE TABLE segment_files (
    segment INTEGER NOT NULL REFERENCES segments ON DELETE CASCADE,
    role TEXT NOT NULL,
    sha256 TEXT NOT NULL REFERENCES files,
    PRIMARY KEY (segment, role)
) STRICT, WITHOUT ROWID;
CREATE INDEX segment_files_sha256 ON segment_files (sha256);

CREATE TABLE sources (
    number INTEGER PRIMARY KEY,
    uri BLOB NOT NULL UNIQUE,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    settings TEXT NOT NULL,
    complete INTEGER NOT NULL
) STRICT;

CREATE TABLE documents (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    uri BLOB NOT NULL UNIQUE,
    title BLOB NOT NULL,
    media_type BLOB NOT NULL,
    language BLOB NOT NULL,
    metadata TEXT NOT NULL,
    source INTEGER NOT NULL REFERENCES sources,
    state TEXT NOT NULL,
    characters INTEGER NOT NULL,
    chunks INTEGER NOT NULL,
    indexed TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX documents_source ON documents (source);

CREATE TABLE structure (
    document INTEGER PRIMARY KEY REFERENCES documents ON DELETE CASCADE,
    blocks TEXT NOT NULL,
    pages TEXT NOT NULL
) STRICT;

CREATE TABLE texts (
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    part INTEGER NOT NULL,
    text BLOB NOT NULL,
    PRIMARY KEY (document, part)
) STRICT;

CREATE TABLE chunks (
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    start INTEGER NOT NULL,
    stop INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    language BLOB NOT NULL,
    title BLOB,
    headings TEXT NOT NULL,
    pages TEXT NOT NULL,
    context BLOB,
    PRIMARY KEY (document, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX chunks_language ON chunks (language);

CREATE TABLE metadata (
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    key BLOB NOT NULL,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    value ANY,
    PRIMARY KEY (document, key, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX metadata_value ON metadata (key, kind, value, document);

CREATE TABLE placements (
    segment INTEGER NOT NULL REFERENCES segments ON DELETE CASCADE,
    document INTEGER NOT NULL,
    first INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    dead INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (segment, first)
) STRICT, WITHOUT ROWID;
CREATE INDEX placements_document ON placements (document);
CREATE INDEX placements_dead ON placements (segment) WHERE dead;
"""


def pack(text: str) -> bytes:
    """Text as it is stored."""
    return text.encode("utf-8", "surrogatepass")


def unpack(data: bytes) -> str:
    """Stored text as it was."""
    return data.decode("utf-8", "surrogatepass")


@contextmanager
def storage_errors(where: Path) -> Iterator[None]:
    """Turn the operating system's and SQLite's errors into StorageError and CorruptIndexError."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise CorruptIndexError(
                f"the catalogue is damaged: {error}",
                where=str(where / NAME),
                hint="restore it or index again",
            ) from error
        hint = "free some space; what was committed is intact" if code == sqlite3.SQLITE_FULL else ""
        raise StorageError(f"the catalogue could not be used: {error}", where=str(where / NAME), hint=hint) from error
    except OSError as error:
        reason = error.strerror or str(error)
        place = str(error.filename or where)
        raise StorageError(
            f"could not read or write: {reason}", where=place, hint="what was committed is intact"
        ) from error


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """Open the catalogue of an existing index; the caller wraps this in ``storage_errors``.

    Raises NotAnIndexError and IndexFormatError.
    """
    file = path / NAME
    if not file.is_file():
        what = "the folder holds no index" if path.is_dir() else "there is no such folder"
        raise NotAnIndexError(
            "this is a file, an index is a folder" if path.is_file() else what,
            where=str(path),
            hint="make one with: rag index PATH... --index DIR, where DIR is new or empty",
        )
    try:
        connection = _open(file, write=write)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
            raise NotAnIndexError(f"{NAME} is not a catalogue", where=str(path)) from error
        raise
    try:
        _check_format(connection, path)
    except BaseException:
        connection.close()
        raise
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = -32768")
    return connection


def _open(file: Path, *, write: bool) -> sqlite3.Connection:
    uri = file.absolute().as_uri() + ("?mode=rw" if write else "?mode=ro")
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=10)
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        # Without leave to create the -shm file beside it, SQLite reads a WAL database only as immutable,
        # which is true as long as no writer has left a -wal file to be read with it.
        denied = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
        if write or not denied or file.with_name(NAME + "-wal").exists():
            raise
        connection = sqlite3.connect(uri + "&immutable=1", uri=True, isolation_level=None, check_same_thread=False)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise NotAnIndexError(f"{NAME} is not a catalogue of this program", where=str(path))
    if version > FORMAT:
        raise IndexFormatError(
            f"the index has format {version}, this version reads up to {FORMAT}",
            where=str(path),
            hint="upgrade Ragstone, or index into another folder",
        )


def read_as_current(connection: sqlite3.Connection) -> int:
    """Let the rows of an older format be read as this one's, within a read transaction; the format found."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version < 2:
        # A name in temp hides the same name in the file, which a reader may not change.
        connection.execute("CREATE TEMP VIEW chunks AS SELECT *, NULL AS context FROM main.chunks")
    if version < 3:
        connection.execute("CREATE TEMP VIEW documents AS SELECT *, '' AS indexed FROM main.documents")
    return version


def migrate(connection: sqlite3.Connection) -> None:
    """Bring an older format up to this one, within the writer's transaction: with its commit, or not at all."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version < 2:
        connection.execute("ALTER TABLE chunks ADD COLUMN context BLOB")
    if version < 3:
        connection.execute("ALTER TABLE documents ADD COLUMN indexed TEXT NOT NULL DEFAULT ''")
        connection.execute(f"PRAGMA user_version = {FORMAT}")


def read_note(path: Path | str, key: str) -> str:
    """What a writer noted under a key, "" if nothing; also of an index that another analyzer or embedder made.

    Raises NotAnIndexError, IndexFormatError, CorruptIndexError, StorageError.
    """
    folder = Path(path)
    with storage_errors(folder):
        connection = connect(folder, write=False)
        try:
            row = connection.execute("SELECT value FROM meta WHERE key = ?", (NOTE + key,)).fetchone()
        finally:
            connection.close()
    return str(row[0]) if row else ""


def create(path: Path, meta: Mapping[str, str | int | float]) -> None:
    """Make the schema, with the index's first facts, in a folder that has none yet, in one transaction."""
    (path / SEGMENTS).mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path / NAME, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA}")
        connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("COMMIT")
    finally:
        connection.close()


def is_new(path: Path) -> bool:
    """True where an index may be created: no folder, an empty one, or one whose creation was cut short."""
    if not path.exists():
        return True
    leftovers = {
        NAME,
        f"{NAME}-wal",
        f"{NAME}-shm",
        f"{NAME}-journal",
        SEGMENTS,
        "writer.lock",
        "writer.json",
    }
    if any(entry.name not in leftovers for entry in path.iterdir()):
        return False
    file = path / NAME
    if not file.exists() or file.stat().st_size == 0:
        return True
    connection = sqlite3.connect(file.absolute().as_uri() + "?mode=rw", uri=True)
    try:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
            return False
        raise
    finally:
        connection.close()
    return bool(application == 0 and tables == 0)
