"""What a report is made of: sections of blocks, plain values that the template turns into HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Text:
    """Paragraphs of plain text."""

    paragraphs: tuple[str, ...]
    kind: Literal["text"] = "text"


@dataclass(frozen=True)
class Note:
    """A remark set apart: `plain` for how to read something, `warning` for what to be careful of."""

    text: str
    tone: Literal["plain", "warning"] = "plain"
    kind: Literal["note"] = "note"


@dataclass(frozen=True)
class Fact:
    """One headline figure with its words."""

    figure: str
    words: str


@dataclass(frozen=True)
class Facts:
    """A row of headline figures."""

    facts: tuple[Fact, ...]
    kind: Literal["facts"] = "facts"


@dataclass(frozen=True)
class Table:
    """A table with a caption. The first column heads each row; `numbers` are the columns set as figures.

    A folded table is opened by its reader: for long ones.
    """

    caption: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()
    folded: bool = False
    kind: Literal["table"] = "table"


@dataclass(frozen=True)
class Chart:
    """A drawing with its text alternative: title, description, and the numbers as a table.

    Attributes:
        wide, narrow: the SVG for wide screens and paper, and for narrow screens (empty: the same one).
        legend: colours, what they mean and whether they are hatched, where the drawing doesn't say so.
    """

    name: str
    title: str
    description: str
    wide: str
    narrow: str
    table: Table
    legend: tuple[tuple[str, str, bool], ...] = ()
    kind: Literal["chart"] = "chart"


@dataclass(frozen=True)
class Points:
    """A list of sentences under a title, which its reader opens."""

    title: str
    points: tuple[str, ...]
    kind: Literal["points"] = "points"


@dataclass(frozen=True)
class ChildCard:
    """One child's reasons, under a made-up number."""

    heading: str
    about: str
    summary: str
    present: tuple[tuple[str, str, str], ...]
    not_known: tuple[tuple[str, str], ...]
    kind: Literal["child"] = "child"


Block = Text | Note | Facts | Table | Chart | Points | ChildCard


@dataclass(frozen=True)
class Section:
    """One section, which the list of contents names."""

    id: str
    title: str
    blocks: tuple[Block, ...] = field(default=())


def section(name: str, title: str, *blocks: Block | str | None) -> Section:
    """A section; text stands for a paragraph, and what is None is left out."""
    made = tuple(Text((block,)) if isinstance(block, str) else block for block in blocks if block is not None)
    return Section(name, title, made)


def table(
    caption: str,
    headers: Sequence[str],
    rows: Sequence[Sequence[object]],
    numbers: Sequence[int] = (),
    *,
    folded: bool = False,
) -> Table:
    """A table of anything that can be written."""
    cells = tuple(tuple(str(cell) for cell in row) for row in rows)
    return Table(caption, tuple(headers), cells, tuple(numbers), folded)
