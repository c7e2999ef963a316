"""From the services' records to children: which records are one child, who that is, and what happened.

Records are one child where a release of links says so and is sure enough. A less sure one stays a child of
its own, and a person is asked (`Gathered.doubts`). Everything here is a table; `filling` writes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from evi.care.loading.extracts import IDENTITY, Extracts, born_after
from evi.care.loading.wording import Wording
from evi.sharing.holders import Holder

OLDEST_YEARS = 19
"""Care holds children and young people up to their nineteenth birthday."""
SURE = 0.95
"""Links less sure than this are for a person to look at."""
LINKS = pl.Schema({"feed": pl.String, "code": pl.Int64, "together": pl.Int64, "probability": pl.Float64})
"""A release of links: records with one number in `together` are one child."""


@dataclass(frozen=True)
class Gathered:
    """What goes into Care. `child` is a number within this load, and nothing else.

    Attributes:
        children: child, and `IDENTITY`. records: child, feed, code, organisation, name, kind.
        rolls: child, organisation, name, kind, year, since, until. cases: child, feed, since, until.
        entries: child, feed, place, item, code, title, text, day, ended, known_at.
        doubts: child, other, feed.
        counts: records and children that were left out, by reason.
    """

    children: pl.DataFrame
    records: pl.DataFrame
    rolls: pl.DataFrame
    cases: pl.DataFrame
    entries: pl.DataFrame
    doubts: pl.DataFrame
    counts: Mapping[str, int]


def gather(
    extracts: Extracts,
    codes: pl.DataFrame,
    links: pl.DataFrame,
    held: Mapping[str, Holder],
    wording: Wording,
    day: date,
) -> Gathered:
    """Put records together into children.

    Args:
        codes: `extracts.people` with `code`. links: see `LINKS`. held: holders by feed.
        day: on which the children are young enough.
    """
    own = _own_identity(codes)
    young = own.filter(pl.col("date_of_birth") >= born_after(day, OLDEST_YEARS))
    joined, doubts = _joined(young, links)
    children = _best_identity(joined, held)
    named = children.filter(pl.col("surname").is_not_null() | pl.col("forename").is_not_null())
    joined = joined.join(named.select("child"), on="child", how="semi")
    doubts = doubts.join(named.select("child"), on="child", how="semi")
    doubts = doubts.join(named.select(other="child"), on="other", how="semi")
    keys = joined.select("feed", "local", "code", "child")
    rolls = _rolls(extracts.rolls.join(keys, on=["feed", "local"]), held)
    events = extracts.events.join(keys.select("feed", "local", "child"), on=["feed", "local"])
    counts = {
        "records_without_birth_date": own.filter(pl.col("date_of_birth").is_null()).height,
        "records_of_adults": own.height - own["date_of_birth"].null_count() - young.height,
        "children_without_name": children.height - named.height,
        "records_not_joined": doubts.height,
    }
    return Gathered(
        children=named.with_columns(pl.col("language").replace(wording.languages)),
        records=_records(keys, rolls, held),
        rolls=rolls,
        cases=_cases(named, joined, events, held, day),
        entries=_entries(events, held, wording),
        doubts=doubts,
        counts=counts,
    )


def _own_identity(people: pl.DataFrame) -> pl.DataFrame:
    """One row a record: what its service last said of each part of the identity."""
    texts = [pl.col(name).str.strip_chars().replace("", None) for name in IDENTITY]
    newest = [pl.col(name).drop_nulls().last() for name in IDENTITY]
    table = people.with_columns(texts).sort("seen", nulls_last=False)
    own = table.group_by("feed", "local", "code").agg(*newest, pl.col("seen").last())
    return own.with_columns(pl.col("date_of_birth").str.to_date(strict=False)).sort("feed", "code")


def _joined(young: pl.DataFrame, links: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records with the number of their child, and pairs of children that may be one."""
    table = young.join(links.cast(dict(LINKS)), on=["feed", "code"], how="left")  # type: ignore[arg-type]
    sure = pl.col("together").is_not_null() & (pl.col("probability") >= SURE)
    table = table.with_columns(
        key=pl.when(sure).then(pl.format("t{}", "together")).otherwise(pl.format("r{}-{}", "feed", "code"))
    )
    numbers = table.select("key").unique(maintain_order=True).with_row_index("child")
    table = table.join(numbers, on="key").with_columns(pl.col("child").cast(pl.Int64))
    main = table.filter(sure).group_by("together").agg(other=pl.col("child").first())
    doubtful = table.filter(~sure & pl.col("together").is_not_null())
    pairs = doubtful.join(main, on="together").select("child", "other", "feed")
    return table.drop("key", "together", "probability"), pairs


def _best_identity(joined: pl.DataFrame, held: Mapping[str, Holder]) -> pl.DataFrame:
    """One row a child. Services are believed in the order of the holders; of addresses the newest counts."""
    order = {feed: number for number, feed in enumerate(held)}
    table = joined.with_columns(trust=pl.col("feed").replace_strict(order, default=len(order)))
    steady = [name for name in IDENTITY if name not in ("address", "postcode")]
    known = table.sort("trust").group_by("child").agg(pl.col(name).drop_nulls().first() for name in steady)
    homes = (
        table.filter(pl.col("postcode").is_not_null())
        .sort("address", descending=False, nulls_last=True, maintain_order=True)
        .sort("seen", descending=True, nulls_last=True, maintain_order=True)
        .group_by("child", maintain_order=True)
        .agg(pl.col("address").first(), pl.col("postcode").first())
    )
    return known.join(homes, on="child", how="left").sort("child")


def _rolls(rolls: pl.DataFrame, held: Mapping[str, Holder]) -> pl.DataFrame:
    """The newest roll of each child: where the child is now, or was last."""
    latest = rolls.sort("since", "known_at").group_by("child", maintain_order=True).last()
    return latest.with_columns(*_organisation(held, pl.col("place"))).select(
        "child", "organisation", "name", "kind", "year", "since", "until", "feed"
    )


def _organisation(held: Mapping[str, Holder], place: pl.Expr) -> list[pl.Expr]:
    """Code, name and kind of the organisation of a row with `feed`; null where its place is not known."""

    def worded(what: str) -> pl.Expr:
        table = {feed: getattr(holder, what).replace("{place}", "\x00") for feed, holder in held.items()}
        words = pl.col("feed").replace_strict(table, default=None, return_dtype=pl.String)
        filled = words.str.split_exact("\x00", 1)
        parts = filled.struct.field("field_0"), filled.struct.field("field_1")
        return pl.when(parts[1].is_null()).then(parts[0]).otherwise(parts[0] + place + parts[1])

    kinds = {feed: holder.kind for feed, holder in held.items()}
    return [
        worded("code").alias("organisation"),
        worded("name").alias("name"),
        pl.col("feed").replace_strict(kinds, default=None, return_dtype=pl.String).alias("kind"),
    ]


def _records(keys: pl.DataFrame, rolls: pl.DataFrame, held: Mapping[str, Holder]) -> pl.DataFrame:
    """The records that services hold now; one of a place belongs to the place where the child is."""
    each = [feed for feed, holder in held.items() if holder.each_place]
    steady = keys.filter(~pl.col("feed").is_in(each)).with_columns(*_organisation(held, pl.lit("")))
    placed = keys.filter(pl.col("feed").is_in(each)).join(
        rolls.select("child", "feed", "organisation", "name", "kind"), on=["child", "feed"]
    )
    columns = ["child", "feed", "code", "organisation", "name", "kind"]
    return pl.concat([steady.select(columns), placed.select(columns)]).sort("child", "feed", "code")


def _cases(
    children: pl.DataFrame, joined: pl.DataFrame, events: pl.DataFrame, held: Mapping[str, Holder], day: date
) -> pl.DataFrame:
    """Who is on a caseload, from when until when."""
    found = [pl.DataFrame(schema={"child": pl.Int64, "feed": pl.String, "since": pl.Date, "until": pl.Date})]
    births = children.select("child", born="date_of_birth")
    for feed, holder in held.items():
        load = holder.caseload
        if load.below_months is not None:
            young = joined.filter(pl.col("feed") == feed).select("child").unique().join(births, on="child")
            young = young.with_columns(until=pl.col("born").dt.offset_by(f"{load.below_months}mo"))
            young = young.filter(pl.col("until") > day)
            found.append(young.select("child", pl.lit(feed).alias("feed"), since="born", until="until"))
        if load.opens:
            mine = events.filter(pl.col("feed") == feed).sort("known_at")
            opened = mine.filter(pl.col("code").is_in(load.opens)).group_by("child", "code", "day").last()
            opened = opened.filter(pl.col("ended").is_null() | (pl.col("ended") > day))
            last = opened.group_by("child").agg(since=pl.col("day").max(), until=pl.col("ended").max())
            shut = (
                mine.filter(pl.col("code").is_in(load.closes)).group_by("child").agg(shut=pl.col("day").max())
            )
            still = last.join(shut, on="child", how="left").filter(
                pl.col("shut").is_null() | (pl.col("shut") < pl.col("since"))
            )
            found.append(still.select("child", pl.lit(feed).alias("feed"), "since", "until"))
    return pl.concat(found).sort("child", "feed")


def _entries(events: pl.DataFrame, held: Mapping[str, Holder], wording: Wording) -> pl.DataFrame:
    """The chronology: each event once, states and assessments as one entry, in plain words."""
    numbers = {code: kind.number for code in events["code"].unique() if (kind := wording.kind_of(code))}
    table = events.with_columns(
        kind=pl.col("code").replace_strict(numbers, default=None, return_dtype=pl.Int32)
    )
    table = table.filter(pl.col("kind").is_not_null()).sort("known_at")
    table = table.group_by("child", "feed", "code", "day", "said", maintain_order=True).last()
    parts = [
        part
        for number in sorted(set(numbers.values()))
        if (part := _of_kind(table, number, held, wording)) is not None
    ]
    schema = dict(_ENTRIES)
    return pl.concat([pl.DataFrame(schema=schema), *(part.select(list(schema)) for part in parts)]).sort(
        "child", "day", "title"
    )


_ENTRIES = pl.Schema(
    {"child": pl.Int64, "feed": pl.String, "place": pl.String, "item": pl.String, "code": pl.String}
    | {"title": pl.String, "text": pl.String, "day": pl.Date, "ended": pl.Date, "known_at": pl.Date}
)


def _of_kind(
    table: pl.DataFrame, number: int, held: Mapping[str, Holder], wording: Wording
) -> pl.DataFrame | None:
    kind = wording.kinds[number]
    mine = table.filter(pl.col("kind") == number)
    if mine.is_empty():
        return None
    if kind.once:
        mine = (
            mine.group_by("child", "feed", "code", maintain_order=True)
            .agg(
                pl.col("place").last(),
                pl.col("day").min(),
                pl.col("known_at").max(),
                last=pl.col("day").max(),
                value=pl.col("value").last(),
                said=pl.col("said").last(),
            )
            .with_columns(ended=pl.lit(None, pl.Date))
        )
    if kind.together:
        mine = _together(mine, kind.below, wording)
    items = {feed: kind.item or holder.item for feed, holder in held.items()}
    said = {
        (code, text): wording.said(code, text)
        for code, text in mine.select("code", "said").unique().iter_rows()
    }
    words = pl.DataFrame(
        [(code, text, wording.meaning(code), words) for (code, text), words in said.items()],
        schema={"code": pl.String, "said": pl.String, "meaning": pl.String, "words": pl.String},
        orient="row",
    )
    mine = mine.join(words, on=["code", "said"], how="left", nulls_equal=True)
    text = kind.text
    mine = mine.with_columns(
        item=pl.col("feed").replace_strict(items, default=None, return_dtype=pl.String),
        title=_filled(kind.title),
        text=_filled(text)
        if not kind.none
        else pl.when(pl.col("low") == "").then(_filled(kind.none)).otherwise(_filled(text)),
    )
    if kind.once:
        again = pl.format("Last noted {}.", pl.col("last").dt.strftime("%-d %B %Y"))
        mine = mine.with_columns(
            text=pl.when(pl.col("last") > pl.col("day")).then(again).otherwise(pl.lit(""))
        )
    made = mine.select(list(_ENTRIES))
    if kind.also:
        more = made.with_columns(**{name: pl.lit(words) for name, words in kind.also.items()})
        made = pl.concat([made, more.unique(["child", "day"], maintain_order=True)])
    return made


def _together(mine: pl.DataFrame, below: float | None, wording: Wording) -> pl.DataFrame:
    """One row for all that has one day: how many, which are below, and every number."""
    means = {code: wording.meaning(code) for code in mine["code"].unique()}
    table = mine.with_columns(what=pl.col("code").replace_strict(means, return_dtype=pl.String)).sort("code")
    low = pl.col("what").filter(pl.col("value") < below) if below is not None else pl.col("what").head(0)
    scores = pl.format("{} {}", pl.col("what"), pl.col("value").round(0).cast(pl.Int64))
    return table.group_by("child", "feed", "day", maintain_order=True).agg(
        pl.col("place").last(),
        pl.col("ended").last(),
        pl.col("said").last(),
        pl.col("value").last(),
        pl.col("known_at").max(),
        code=pl.col("code").first().str.replace(r"/[^/]+$", ""),
        count=pl.len(),
        low=low.str.join(", "),
        scores=scores.str.join(", "),
    )


def _filled(template: str) -> pl.Expr:
    """The words of a title or text, with a row's own put in."""
    parts = [part for part in re.split(r"(\{\w+\})", template) if part]
    return pl.concat_str([_part(part) for part in parts] or [pl.lit("")])


def _part(part: str) -> pl.Expr:
    if not part.startswith("{"):
        return pl.lit(part)
    name = {"{said}": "words"}.get(part, part.strip("{}"))
    column = pl.col(name).round(0).cast(pl.Int64) if name == "value" else pl.col(name)
    return column.cast(pl.String).fill_null("")
