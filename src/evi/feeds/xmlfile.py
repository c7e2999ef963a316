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

_BATCH = 50_000


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
    names = [field.name for field in layout.fields]
    schema = pa.schema([(name, pa.string()) for name in names])
    rows: list[list[str | None]] = []
    finders: _Finders | None = None
    trail: list[str] = []
    parents: list[ET.Element] = []
    try:
        for event, element in ET.iterparse(path, events=("start", "end")):  # noqa: S314 (see the import)
            if event == "start":
                if finders is None:
                    finders = _Finders(layout, steps, element.tag.rpartition("}")[0])
                trail.append(element.tag.rpartition("}")[2])
                parents.append(element)
                continue
            at_record = len(trail) == record_path.count("/") + 1 and "/".join(trail) == record_path
            trail.pop()
            parents.pop()
            if at_record and finders is not None:
                rows.extend(finders.rows_of(element))
                if parents:
                    parents[-1].remove(element)
                if len(rows) >= _BATCH:
                    yield _batch(rows, schema)
                    rows = []
    except ET.ParseError as error:
        raise _broken(path, error) from error
    yield _batch(rows, schema)


class _Finders:
    """Where each field is, compiled for one file's namespace."""

    def __init__(self, layout: Layout, steps: tuple[str, ...], namespace: str) -> None:
        prefix = namespace + "}" if namespace else ""
        self.steps = [prefix + step for step in steps]
        self.fields: list[tuple[int, str]] = []
        self.repeated: int | None = None
        for index, field in enumerate(layout.fields):
            ups, path = _ups(field.path)
            self.fields.append((ups, "/".join(prefix + part for part in path.split("/")) if path else ""))
            if field.repeats:
                self.repeated = index

    def rows_of(self, record: ET.Element) -> Iterator[list[str | None]]:
        for chain in self._chains([record], 0):
            row = [self._text(chain, ups, path) for ups, path in self.fields]
            if self.repeated is None:
                yield row
                continue
            ups, path = self.fields[self.repeated]
            elements = chain[len(chain) - 1 - ups].findall(path)
            for text in [element.text for element in elements] or [None]:
                yield [*row[: self.repeated], text, *row[self.repeated + 1 :]]

    def _chains(self, chain: list[ET.Element], depth: int) -> Iterator[list[ET.Element]]:
        if depth == len(self.steps):
            yield chain
            return
        for child in chain[-1].findall(self.steps[depth]):
            yield from self._chains([*chain, child], depth + 1)

    @staticmethod
    def _text(chain: list[ET.Element], ups: int, path: str) -> str | None:
        base = chain[len(chain) - 1 - ups]
        return base.findtext(path) if path else base.text


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
