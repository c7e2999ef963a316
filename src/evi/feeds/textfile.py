"""The bytes of an extract before it is parsed: is it UTF-8 text, whole, with lines of one kind?"""

from __future__ import annotations

import codecs
import csv
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from evi.workspace import RefusedError

_CHUNK = 1 << 22
_HEAD = 1 << 16
_EXPORT = "Export it again as CSV in UTF-8 (in Excel: CSV UTF-8, comma delimited)."


@dataclass(frozen=True)
class TextFacts:
    """What one pass over the bytes found: `size` in bytes; `mixed_lines` if CRLF and LF both end lines."""

    size: int
    mixed_lines: bool


def scan_text(path: Path) -> TextFacts:
    """Read the file once as UTF-8.

    Raises:
        RefusedError: it is empty, UTF-16, or has bytes that are not UTF-8 (with the line of the first).
    """
    stat = path.stat()
    if stat.st_size == 0:
        raise RefusedError("the file is empty.", where=str(path), do="Ask the sender to deliver it again.")
    return _scan(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=256)
def _scan(path: Path, size: int, _changed_ns: int) -> TextFacts:
    """As `scan_text`: once for `detect` and `read_extract`, as long as the file does not change."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    carriage_returns = pairs = line_feeds = 0
    before = b""
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            if not line_feeds:
                _refuse_utf16(path, chunk[:4096])
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                line = line_feeds + chunk[: error.start].count(b"\n") + 1
                raise RefusedError(
                    f"it is not UTF-8: line {line} has bytes of another encoding (likely Windows-1252).",
                    where=str(path),
                    do=_EXPORT,
                ) from None
            line_feeds += chunk.count(b"\n")
            carriage_returns += chunk.count(b"\r")
            pairs += chunk.count(b"\r\n") + (before.endswith(b"\r") and chunk.startswith(b"\n"))
            before = chunk[-1:]
    if decoder.getstate()[0]:
        raise RefusedError(
            "it was cut off within a character.",
            where=str(path),
            do="The transfer broke off: ask the sender to deliver it again.",
        )
    mixed = bool(line_feeds) and (pairs != line_feeds or pairs != carriage_returns) and carriage_returns > 0
    return TextFacts(size=size, mixed_lines=mixed)


def _refuse_utf16(path: Path, head: bytes) -> None:
    marked = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if marked or head.count(0) > len(head) // 4:
        raise RefusedError("it is UTF-16, not UTF-8.", where=str(path), do=_EXPORT)


def header_of(path: Path) -> tuple[str, ...]:
    """Names in the first line of a CSV file, stripped of spaces and of the byte order mark.

    Raises:
        RefusedError: the first line is no header of comma-separated names, or repeats one.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD).decode("utf-8-sig", errors="ignore")
    names = tuple(name.strip() for name in next(csv.reader(io.StringIO(head, newline="")), []))
    while names and not names[-1]:
        names = names[:-1]
    if len(names) < 2:
        told = "tabs or semicolons" if head.count("\t") + head.count(";") > 1 else "no commas"
        raise RefusedError(
            f"its first line is no header of comma-separated names (it has {told}).",
            where=str(path),
            do="Export it again as CSV separated by commas, with the names of the columns in the first line.",
        )
    lowered = [name.lower() for name in names]
    repeated = [str(at + 1) for at, name in enumerate(lowered) if lowered.count(name) > 1]
    if repeated:
        raise RefusedError(
            f"its header gives one name to several columns ({', '.join(repeated)}).",
            where=str(path),
            do="Each column needs its own name: correct the export.",
        )
    return names


@contextmanager
def one_line_ending(path: Path, facts: TextFacts) -> Iterator[Path]:
    """Yield the file itself, or a temporary copy with LF line ends if the file mixes its line ends."""
    if not facts.mixed_lines:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="evi-") as folder:
        copy = Path(folder) / "lines.csv"
        carry = b""
        with path.open("rb") as source, copy.open("wb") as target:
            while chunk := source.read(_CHUNK):
                text = carry + chunk
                carry = text[-1:] if text.endswith(b"\r") else b""
                body = text[: len(text) - len(carry)]
                target.write(body.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
            target.write(carry.replace(b"\r", b"\n"))
        yield copy
