"""Measures as they may be shown: counts by the house rule for small numbers, no figure of few children.

See `evi.index.disclosure` for the rule. A share is worked out where neither those counted nor the rest are
few, and given to the whole percent; waits are given to a tenth, the longest to the whole week or day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from evi.index.disclosure import SMALLEST_SHOWN, shown, shown_parts
from evi.queues.measuring.measures import LONGEST, WAIT_OF_SEEN, WAIT_SO_FAR, Snapshot, Waits
from evi.queues.measuring.series import MEASURES, Band, Series

Row = dict[str, object]


def band_name(band: Band) -> str:
    """A band in words.

    >>> band_name((0, 4)), band_name((4, 13)), band_name((104, None))
    ('up to 4', 'over 4, up to 13', 'over 104')
    """
    low, high = band
    if high is None:
        return f"over {low}"
    return f"up to {high}" if low == 0 else f"over {low}, up to {high}"


def printable_snapshot(found: Snapshot) -> dict[str, object]:
    """A snapshot as one mapping; null where a number may not be shown."""
    reasons = shown_parts(dict(found.removals))
    bands = printable_bands(found.bands, found.limit_weeks)
    return {
        "pathway": found.pathway,
        "title": found.title,
        "day": str(found.day),
        "since": str(found.since),
        "unit": found.unit,
        "limit": found.limit,
        "waiting": shown(found.waiting.children).number,
        "referrals": shown(found.referrals).number,
        "starts": shown(found.starts).number,
        "removals": shown(sum(found.removals.values())).number,
        "removals_by_reason": {reason: count.number for reason, count in reasons.items()},
        "appointments": shown(found.offered).number,
        "missed": shown(found.missed).number,
        WAIT_OF_SEEN: _waits(found.seen),
        WAIT_SO_FAR: _waits(found.waiting),
        LONGEST: _longest(found.waiting),
        "waiting_by_weeks": {band_name(band): count for band, count in bands.items()},
        "milestones": [
            {
                "milestone": step["milestone"],
                "limit": step["limit"],
                "reached": shown(_number(step["reached"])).number,
                "share_in_time": _share(_number(step["in_time"]), _number(step["reached"])),
            }
            for step in found.milestones
        ],
        "set_aside": list(found.rejects),
    }


def printable_bands(found: Mapping[Band, int], limit_weeks: int | None) -> dict[Band, int | None]:
    """The list by age of wait, in bands as fine as can be shown.

    On a short list most bands hold too few children, so they are put together: first by quarters of a year
    and years, then only into those within the limit and those beyond it. One list is told in one way only,
    since two ways could be taken from one another.
    """
    cuts = sorted({low for low, _high in found})
    tries = [cuts, [cut for cut in cuts if cut in (0, 13, 26, 52, limit_weeks)]]
    if limit_weeks is not None:
        tries.append([cut for cut in cuts if cut in (0, limit_weeks)])
    made: dict[Band, int | None] = {}
    for starts in tries if found else ():
        bands = list(zip(starts, [*starts[1:], None], strict=True))
        counts = {band: sum(n for (low, _), n in found.items() if _holds(band, low)) for band in bands}
        made = {band: count.number for band, count in shown_parts(counts).items()}
        if None not in made.values():
            break
    return made


def _holds(band: Band, low: int) -> bool:
    return band[0] <= low and (band[1] is None or low < band[1])


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _waits(waits: Waits) -> Row:
    few = waits.children < SMALLEST_SHOWN
    figures = {"mean": waits.mean, "median": waits.median, "90th percentile": waits.percentile_90}
    row: Row = {name: None if few or each is None else round(each, 1) for name, each in figures.items()}
    return row | {"share within the limit": _share(waits.within_limit, waits.limited)}


def _longest(waits: Waits) -> int | None:
    return None if waits.children < SMALLEST_SHOWN or waits.longest is None else round(waits.longest)


def _share(part: int, whole: int) -> float | None:
    return None if min(part, whole - part) < SMALLEST_SHOWN else round(part / whole, 2)


def printable_series(series: Series) -> list[Row]:
    """A series of records, period by period, with a column for each measure that may be shown."""
    return [_period(row) for row in series.table.iter_rows(named=True)]


def _period(row: Mapping[str, object]) -> Row:
    made: Row = {"start": str(row["start"])}
    made |= {name: _count(row[name]) for name in MEASURES}
    reasons = {name: value for name, value in row.items() if name.startswith("removed_")}
    made |= {
        name: each.number for name, each in shown_parts({k: _whole(v) for k, v in reasons.items()}).items()
    }
    for name, children in (("wait_seen", row["starts"]), ("wait_so_far", row["waiting"])):
        enough = isinstance(children, float) and children >= SMALLEST_SHOWN
        for figure in ("mean", "median", "p90", "longest", "share_within"):
            value = row.get(f"{name}_{figure}")
            made[f"{name}_{figure}"] = (
                _figure(figure, value, children) if enough and isinstance(value, float) else None
            )
    return made


def _figure(figure: str, value: float, children: object) -> float | None:
    if figure == "share_within" and isinstance(children, float):
        return _share(round(value * children), round(children))
    return float(round(value)) if figure == "longest" else round(value, 1)


def _count(value: object) -> int | None:
    return shown(value).number if isinstance(value, float) else None


def _whole(value: object) -> int:
    return round(value) if isinstance(value, float) else 0


def said(values: Iterable[tuple[str, object]]) -> str:
    """Named numbers as one line of words, those that may not be shown as “fewer than 10”.

    >>> said([("referrals", 1230), ("starts", None)])
    'referrals 1,230, starts fewer than 10'
    """
    words = (
        f"{name} {f'{value:,}' if isinstance(value, int) else 'fewer than 10'}" for name, value in values
    )
    return ", ".join(words)
