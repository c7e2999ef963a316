"""What a pathway would like to hold before it sees a child, as data, and as questions to the records.

Each rule becomes indicators of the registry's own kind, so that look-backs, late records and coverage mean
what they mean everywhere else: something is held, is known not to be, or is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evi.indicators import Evidence, Indicator, Needs
from evi.indicators.expressions import Count, Expression, Facts, parse
from evi.queues.sorting.evidence_checks import check_rules, refuse_dropping
from evi.workspace import District, EviError
from evi.workspace.declared import check_against, read_yaml

FOLDER = Path(__file__).parent / "evidence"
SCHEMA = Path(__file__).parent / "evidence.schema.json"
DAYS_A_MONTH = 30.4375  # 365.25 / 12
ALL_AGES = (0, 216)

Status = Literal["verified", "assumed"]


@dataclass(frozen=True)
class Holding:
    """One thing that would be enough: `indicator` asks the records for it, `service` is who holds it."""

    what: str
    service: str
    indicator: Indicator


@dataclass(frozen=True)
class Sign:
    """Something that is so of a child: all of `present`, none of `absent` (known), and `indicator` if any."""

    because: str
    service: str = ""
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    indicator: Indicator | None = None


@dataclass(frozen=True)
class Need:
    """One kind of evidence that the pathway asks for.

    Attributes:
        id, title: what it is. missing: what is said where it is not held. ask: who can fill the gap.
        ages_months: ages at which it is asked for, `[from, to)`. asked_if: asked for only where one of these
            is so; none: always. have: any one of these is enough.
        source, status: where the rule comes from.
    """

    id: str
    title: str
    missing: str
    ask: str
    ages_months: tuple[int, int]
    asked_if: tuple[Sign, ...]
    have: tuple[Holding, ...]
    source: str
    status: Status


@dataclass(frozen=True)
class OtherPathway:
    """What may point to another service (`to`) first: any one of `when`."""

    id: str
    title: str
    to: str
    when: tuple[Sign, ...]
    source: str
    status: Status


@dataclass(frozen=True)
class Rules:
    """The rules of one pathway; `needs` are in the order in which a missing thing is named."""

    pathway: str
    title: str
    about: str
    needs: tuple[Need, ...]
    others: tuple[OtherPathway, ...]
    marks: tuple[Holding, ...]

    @property
    def signs(self) -> Iterator[Sign]:
        """Every sign that the rules look for."""
        for need in self.needs:
            yield from need.asked_if
        for other in self.others:
            yield from other.when

    @property
    def indicators(self) -> tuple[Indicator, ...]:
        """The questions that the rules ask of the records by themselves."""
        held = [holding.indicator for need in self.needs for holding in need.have]
        held += [mark.indicator for mark in self.marks]
        return (*held, *(sign.indicator for sign in self.signs if sign.indicator is not None))

    @property
    def borrowed(self) -> tuple[str, ...]:
        """The indicators of the registry that the rules look at."""
        return tuple(dict.fromkeys(name for sign in self.signs for name in (*sign.present, *sign.absent)))


def rules_of(pathway: str, district: District | None = None) -> Rules:
    """The rules of one pathway: the district's own (folder `evidence/`), or those that eVI ships.

    Raises:
        EviError: there are none for this pathway, or see `read_rules`.
    """
    folders = [FOLDER, *([district.root / "evidence"] if district is not None else [])]
    found = {path.stem: path for folder in folders for path in sorted(folder.glob("*.yaml"))}
    if pathway not in found:
        raise EviError(
            f"there are no rules of evidence for “{pathway}”.",
            where="pathway",
            do=f"Choose one of {', '.join(sorted(found))}, or add a file to the district's folder evidence/.",
            exit_code=2,
        )
    return read_rules(found[pathway], district)


def read_rules(path: Path, district: District | None = None) -> Rules:
    """Read and check one file of rules.

    Raises:
        EviError: it is not YAML, breaks the schema, would take a child off the list or move one down, names a
            code that no layout gives, or an indicator that the registry does not have.
    """
    table = read_yaml(path)
    refuse_dropping(table, path)
    check_against(table, SCHEMA, str(path))
    rules = _rules(table)
    check_rules(rules, path, district)
    return rules


def _rules(table: Mapping[str, Any]) -> Rules:
    return Rules(
        pathway=table["pathway"],
        title=table["title"],
        about=" ".join(table["about"].split()),
        needs=tuple(_need(entry) for entry in table["needs"]),
        others=tuple(
            OtherPathway(
                entry["id"],
                entry["title"],
                entry["to"],
                _signs(f"other/{entry['id']}", entry["when"]),
                " ".join(entry["source"].split()),
                entry["status"],
            )
            for entry in table.get("other_pathways", ())
        ),
        marks=tuple(
            _holding(f"mark/{number}", {**entry, "what": entry["title"]})
            for number, entry in enumerate(table.get("marks", ()))
        ),
    )


def _need(entry: Mapping[str, Any]) -> Need:
    low, high = entry.get("ages_months", ALL_AGES)
    return Need(
        id=entry["id"],
        title=entry["title"],
        missing=entry["missing"],
        ask=entry["ask"],
        ages_months=(low, high),
        asked_if=_signs(f"asked/{entry['id']}", entry.get("asked_if", ())),
        have=tuple(
            _holding(f"have/{entry['id']}/{number}", each) for number, each in enumerate(entry["have"])
        ),
        source=" ".join(entry["source"].split()),
        status=entry["status"],
    )


def _holding(name: str, entry: Mapping[str, Any]) -> Holding:
    months = entry.get("within_months")
    facts = Facts(
        tuple(sorted(entry["codes"])),
        None if months is None else round(months * DAYS_A_MONTH),
        while_open=bool(entry.get("while_open", False)),
        texts=tuple(sorted(entry.get("texts", ()))),
    )
    asked = _indicator(name, entry["what"], Count(facts), tuple(entry["feeds"]), entry["service"])
    return Holding(entry["what"], entry["service"], asked)


def _signs(name: str, entries: Any) -> tuple[Sign, ...]:
    return tuple(_sign(f"{name}/{number}", entry) for number, entry in enumerate(entries))


def _sign(name: str, entry: Mapping[str, Any]) -> Sign:
    asked = None
    service = entry.get("service", "")
    if "expression" in entry:
        try:
            expression = parse(entry["expression"])
        except (EviError, KeyError, TypeError, AttributeError) as error:
            what = error.what if isinstance(error, EviError) else f"it can't be read ({error!r})."
            raise EviError(
                f"the expression of “{entry['because']}”: {what}",
                where=name,
                do="docs/indicators.md lists what can be written.",
                exit_code=2,
            ) from error
        asked = _indicator(name, entry["because"], expression, tuple(entry.get("feeds", ())), service)
    present, absent = tuple(entry.get("present", ())), tuple(entry.get("absent", ()))
    return Sign(entry["because"], service, present, absent, asked)


def _indicator(
    name: str, title: str, expression: Expression, feeds: tuple[str, ...], service: str
) -> Indicator:
    """A question of the registry's kind; every one of the feeds must cover the child for a no."""
    return Indicator(
        id=name,
        title=title,
        domain="health",
        scope="child",
        age_months=ALL_AGES,
        expression=expression,
        needs=Needs(feeds, every=bool(feeds)),
        who_would_know=service,
        reason="{latest}",
        evidence=Evidence("rules of evidence", ""),
        owner="pathway",
        version=1,
        digest=repr((name, expression, feeds)),
    )
