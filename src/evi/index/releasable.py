"""Links and the index as Care may have them: by services' own records, without a pseudonym of the hub.

Records of one child share a number that is drawn anew for each release, and means nothing outside it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import date

import polars as pl

from evi.index.catalogue import Catalogue, Entry
from evi.index.registry import read_catalogue
from evi.index.sources import at_folder
from evi.sharing.holders import Holder, holders
from evi.workspace import District, EviError

OLDEST_YEARS = 19
Recipients = Callable[[tuple[str, ...]], list[str]]
"""From items to the codes of the organisations that may see the index and all of those items."""


def links_of(district: District) -> tuple[pl.DataFrame, Mapping[int, int]]:
    """Which records are of one child.

    Returns:
        feed, code, together, probability, in an order that tells nothing; and from subject to `together`,
        which stays in the hub.

    Raises:
        EviError: nothing is linked yet.
    """
    path = district.spine / "people.parquet"
    if not path.is_file():
        raise EviError("nothing is linked yet.", where=str(path), do="Run `evi run` first.", exit_code=2)
    born = pl.read_parquet(district.spine / "subjects.parquet", columns=["subject_id", "birth_month"])
    newest = born["birth_month"].max()
    first = pl.lit(newest).dt.offset_by(f"-{OLDEST_YEARS}y")
    young = born.filter(pl.col("birth_month") >= first)["subject_id"].sort().to_list()
    numbers = list(range(1, len(young) + 1))
    secrets.SystemRandom().shuffle(numbers)
    together = dict(zip(young, numbers, strict=True))
    held = holders(district.root)
    people = pl.read_parquet(path).filter(
        pl.col("subject_id").is_in(young)
        & pl.col("feed").is_in([feed for feed, each in held.items() if each.loaded])
    )
    drawn = pl.DataFrame(
        {"subject_id": young, "together": numbers}, schema={"subject_id": pl.Int64, "together": pl.Int64}
    )
    links = people.join(drawn, on="subject_id").select("feed", "together", "probability", code="person")
    return links.select("feed", "code", "together", "probability").sort("together", "feed", "code"), together


def index_of(
    district: District, day: date, together: Mapping[int, int], recipients: Recipients
) -> pl.DataFrame:
    """The index of every child of `together`, with its reasons.

    Returns:
        together, day, band, n_present, n_assessable, and `domains`, `reasons` and `not_known` as JSON (see
        the application's `IndexRow`). A reason names the organisations that may be told it.

    Raises:
        EviError: there is no index of that day.
    """
    folder = at_folder(district, day)
    catalogue, held = read_catalogue(district), holders(district.root)
    children = pl.read_parquet(folder / "children.parquet")
    states = pl.read_parquet(folder / "states.parquet")
    table = children.join(states, on="subject_id", how="left").filter(
        pl.col("subject_id").is_in(list(together))
    )
    told = {entry.id: recipients(_items(entry, held)) for entry in catalogue.own}
    rows = [
        {
            "together": together[row["subject_id"]],
            "day": day,
            "band": row["band"],
            "n_present": row["n_present"],
            "n_assessable": row["n_assessable"],
            "domains": json.dumps(_domains(row, catalogue)),
            "reasons": json.dumps(_reasons(row, catalogue, held, told)),
            "not_known": json.dumps(_not_known(row, catalogue)),
        }
        for row in table.iter_rows(named=True)
    ]
    texts = dict.fromkeys(("domains", "reasons", "not_known"), pl.String())
    schema = {"together": pl.Int64(), "day": pl.Date(), "band": pl.String()} | {
        "n_present": pl.Int32(),
        "n_assessable": pl.Int32(),
        **texts,
    }
    return pl.DataFrame(rows, schema=schema, orient="row").sort("together")


def _items(entry: Entry, held: Mapping[str, Holder]) -> tuple[str, ...]:
    """What an indicator rests on; none if one of its feeds is not known, so that nobody is told."""
    if not entry.feeds or not all(feed in held for feed in entry.feeds):
        return ()
    return tuple(sorted({held[feed].item for feed in entry.feeds}))


def _domains(row: Mapping[str, object], catalogue: Catalogue) -> list[dict[str, object]]:
    return [
        {
            "domain": domain,
            "title": catalogue.domain_title(domain),
            "n_present": row[f"{domain}_present"],
            "n_assessable": row[f"{domain}_assessable"],
        }
        for domain in catalogue.domain_ids
        if row[f"{domain}_assessable"]
    ]


def _reasons(
    row: Mapping[str, object],
    catalogue: Catalogue,
    held: Mapping[str, Holder],
    told: Mapping[str, list[str]],
) -> list[dict[str, object]]:
    made: list[dict[str, object]] = []
    present, since = _list(row["present"]), _list(row["since"])
    for indicator, day in zip(present, since, strict=True):
        entry = catalogue[str(indicator)]
        services = dict.fromkeys(held[feed].name for feed in entry.feeds if feed in held)
        names = [name.replace("School {place}", "Schools") for name in services]
        made.append(
            {
                "indicator": entry.id,
                "title": entry.title,
                "domain": entry.domain,
                "since": str(day),
                "service": " or ".join(names),
                "why": "",
                "recipients": told.get(entry.id, []),
            }
        )
    return made


def _not_known(row: Mapping[str, object], catalogue: Catalogue) -> list[dict[str, object]]:
    known = {str(each) for each in _list(row["assessable"])}
    return [
        {"title": entry.title, "domain": entry.domain, "ask": entry.who_would_know}
        for entry in catalogue.own
        if entry.applies_at(int(str(row["age_months"]))) and entry.id not in known
    ]


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []
