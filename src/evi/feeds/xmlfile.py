"""Statutory XML as rows of text: a hostile head is refused, then elements are read one record at a time."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse as defused_iterparse

from evi.feeds.layout import Layout, XmlShape
from evi.workspace import RefusedError

_BATCH = 5_000
_PIECE = 1 << 20


@dataclass(frozen=True)
class XmlHead:
    """The texts found before the first record, by path from the root element."""

    texts: Mapping[str, str]

    def matches(self, shape: XmlShape) -> bool:
        """Whether the file is of this kind."""
        return all(self.texts.get(path) == text for path, text in shape.root.items())


def read_head(path: Path, layouts: Sequence[Layout]) -> XmlHead:
    """Read as far as the first record of any of the layouts.

    Raises:
        RefusedError: the file declares a document type or entities, or is no XML.
    """
    _refuse_doctype(path)
    shapes = [layout.xml for layout in layouts if layout.xml]
    stops = {_split(layout)[0] for layout in layouts if layout.xml}
    wanted = {each for shape in shapes for each in (*shape.root, *shape.header.values())}
    texts: dict[str, str] = {}
    trail: list[str] = []
    try:
        for event, element in ET.iterparse(path, events=("start", "end")):  # noqa: S314 (see the import)
            if event == "start":
                trail.append(element.tag.rpartition("}")[2])
                if "/".join(trail) in stops:
                    break
            else:
                here = "/".join(trail)
                if here in wanted:
                    texts[here] = (element.text or "").strip()
                trail.pop()
    except ET.ParseError as error:
        raise _broken(path, error) from error
    return XmlHead(texts)


def _refuse_doctype(path: Path) -> None:
    """A document type stands before the root element, so the first start tag ends the search."""
    try:
        next(iter(defused_iterparse(str(path), events=("start",), forbid_dtd=True)), None)
    except DefusedXmlException:
        raise RefusedError(
            "it declares a document type or entities, as attacks on XML readers do; no return needs them.",
            where=str(path),
            do="Do not open it. Ask the sender where it came from, and for an export without a DOCTYPE.",
        ) from None
    except ET.ParseError as error:
        raise _broken(path, error) from error


def read_rows(path: Path, layout: Layout) -> Iterator[pa.RecordBatch]:
    """Yield the layout's rows in file order, every column text (null where there is no element).

    Raises:
        RefusedError: the file is not whole.
    """
    record_path, steps = _split(layout)
    schema = pa.schema([(field.name, pa.string()) for field in layout.fields])
    rows: list[list[str | None]] = []
    finders: _Finders | None = None
    for record in _records(path, record_path):
        finders = finders or _Finders(layout, steps, record.tag.rpartition("}")[0])
        rows.extend(finders.rows_of(record))
        if len(rows) >= _BATCH:
            yield _batch(rows, schema)
            rows = []
    yield _batch(rows, schema)


def _records(path: Path, record_path: str) -> Iterator[ET.Element]:
    """Yield each whole record and free it: after a piece of the file, all but the last element are whole."""
    _, *steps = record_path.split("/")
    parser: ET.XMLPullParser[ET.Element] = ET.XMLPullParser(["start"])
    root: ET.Element | None = None
    try:
        with path.open("rb") as stream:
            while piece := stream.read(_PIECE):
                parser.feed(piece)
                for event in parser.read_events():
                    root = event[1] if root is None else root  # type: ignore[assignment, misc]
                yield from _whole(root, steps, last=False)
        parser.close()
        yield from _whole(root, steps, last=True)
    except ET.ParseError as error:
        raise _broken(path, error) from error


def _whole(root: ET.Element | None, steps: list[str], *, last: bool) -> Iterator[ET.Element]:
    """Take the whole records out of the tree."""
    if root is None:
        return
    space = root.tag.rpartition("}")[0]
    prefix = space + "}" if space else ""
    holders = [root]
    for step in steps[:-1]:
        holders = [child for holder in holders for child in holder.findall(prefix + step)]
    for place, holder in enumerate(holders):
        growing = not last and place == len(holders) - 1
        done = len(holder) - 1 if growing else len(holder)
        if done > 0:
            yield from (child for child in holder[:done] if child.tag == prefix + steps[-1])
            del holder[:done]


class _Finders:
    """Where each field is, compiled for one file's namespace."""

    def __init__(self, layout: Layout, steps: tuple[str, ...], namespace: str) -> None:
        prefix = namespace + "}" if namespace else ""
        self.steps = [prefix + step for step in steps]
        self.fields: list[tuple[int, tuple[str, ...]]] = []
        self.repeated: int | None = None
        for index, field in enumerate(layout.fields):
            ups, path = _ups(field.path)
            self.fields.append((ups, tuple(prefix + part for part in path.split("/")) if path else ()))
            if field.repeats:
                self.repeated = index

    def rows_of(self, record: ET.Element) -> Iterator[list[str | None]]:
        for chain in self._chains([record], 0):
            row = [self._text(chain, ups, path) for ups, path in self.fields]
            if self.repeated is None:
                yield row
                continue
            ups, path = self.fields[self.repeated]
            elements = chain[len(chain) - 1 - ups].findall("/".join(path))
            for text in [element.text for element in elements] or [None]:
                yield [*row[: self.repeated], text, *row[self.repeated + 1 :]]

    def _chains(self, chain: list[ET.Element], depth: int) -> Iterator[list[ET.Element]]:
        if depth == len(self.steps):
            yield chain
            return
        for child in chain[-1].findall(self.steps[depth]):
            yield from self._chains([*chain, child], depth + 1)

    @staticmethod
    def _text(chain: list[ET.Element], ups: int, path: tuple[str, ...]) -> str | None:
        base: ET.Element | None = chain[len(chain) - 1 - ups]
        for step in path:  # one step at a time: a path of several would leave the C reader
            base = base.find(step) if base is not None else None
        return base.text if base is not None else None


def _ups(path: str) -> tuple[int, str]:
    ups = path.count("../")
    rest = path.replace("../", "")
    return ups, "" if rest == "." else rest


def _split(layout: Layout) -> tuple[str, tuple[str, ...]]:
    """The element to wait for (high enough for every `../`), and the steps from it down to the row."""
    parts = layout.xml.row.split("/") if layout.xml else []
    height = max(_ups(field.path)[0] for field in layout.fields)
    cut = len(parts) - height
    return "/".join(parts[:cut]), tuple(parts[cut:])


def _batch(rows: list[list[str | None]], schema: pa.Schema) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    return pa.RecordBatch.from_arrays([pa.array(column, pa.string()) for column in columns], schema=schema)


def _broken(path: Path, error: ET.ParseError) -> RefusedError:
    line = error.position[0]
    return RefusedError(
        f"it is not whole: the XML breaks off or is malformed at line {line}.",
        where=str(path),
        do="The file was cut off or edited by hand: ask the sender to deliver it again.",
    )
