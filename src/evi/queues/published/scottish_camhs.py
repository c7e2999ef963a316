"""Public Health Scotland's CAMHS tables as series: one a health board, and one for Scotland.

Four boards changed their code in 2018-19, so a board is its old and its new code together. How many left a
list without being seen is not published: it is what the lists imply,
removals = waiting before + accepted - seen - waiting now. Accepted minus seen alone overstates how a list
grows by far.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import polars as pl

from evi.queues.measuring.series import Series, series_table
from evi.queues.published.reading import Notes, numbers, one_each, read_csv
from evi.workspace import EviError

SOURCE = "Public Health Scotland, CAMHS waiting times"
SCOTLAND = "S92000003"

NEW_CODES = {
    "S08000018": "S08000029",  # NHS Fife, from 2 February 2018
    "S08000027": "S08000030",  # NHS Tayside, from 2 February 2018
    "S08000021": "S08000031",  # NHS Greater Glasgow and Clyde, from 1 April 2019
    "S08000023": "S08000032",  # NHS Lanarkshire, from 1 April 2019
}
"""Codes of boards that changed, old to new (the publisher's table of health board labels)."""

_BANDS = {(0, 18): "0To18Weeks", (18, 35): "19To35Weeks", (35, 52): "36To52Weeks", (52, None): "Over52Weeks"}

TABLES: dict[str, dict[str, str]] = {
    "patients waiting": {
        "TotalPatientsWaiting": "waiting",
        **{f"NumberOfPatientsWaiting{name}": f"waiting_{name}" for name in _BANDS.values()},
    },
    "patients seen": {
        "TotalPatientsSeen": "starts",
        **{f"NumberOfPatientsSeen{name}": f"seen_{name}" for name in _BANDS.values()},
        "MedianWeeksPatientsSeen": "wait_seen_median",
        "90thPercentileWeeksPatientsSeen": "wait_seen_p90",
    },
    "referrals": {"ReferralsAccepted": "referrals", "ReferralsReceived": "referrals_received"},
    "did not attend": {"DidNotAttends": "missed", "TotalAppointments": "appointments"},
}
"""The publisher's four tables, and the column of a series that each of their columns becomes."""

_OTHERS = ("wait_seen_median", "wait_seen_p90", "referrals_received", "balance")


def read_scottish_camhs(files: Sequence[Path]) -> tuple[Series, ...]:
    """One monthly series a board, by code, from any of the four tables and the table of labels.

    `referrals` is those accepted, who join the list. `removals` is implied (see above); where it comes out
    below 0 it is null, and `balance` holds it as it came out. `flags` holds the publisher's letters.

    Raises:
        EviError: a file is none of the five tables, or no file has the lists.
    """
    notes = Notes()
    names: dict[str, str] = {SCOTLAND: "Scotland"}
    parts: dict[str, list[pl.DataFrame]] = {}
    for path in files:
        table = read_csv(path, ["HB"])
        if "HBName" in table.columns:
            names |= dict(table.select("HB", "HBName").iter_rows())
            continue
        kind = _kind(table, path)
        parts.setdefault(kind, []).append(table)
    if "patients waiting" not in parts:
        raise EviError(
            "no file has the lists (TotalPatientsWaiting).",
            where=SOURCE,
            do="Name the table of patients waiting.",
        )
    rows: dict[str, dict[date, dict[str, object]]] = {}
    for kind, tables in parts.items():
        _gather(kind, pl.concat(tables, how="diagonal"), rows, notes)
    last = max(start for months in rows.values() for start in months)
    everywhere = tuple(f"in all files: {line}" for line in notes.lines())
    return tuple(_series(names.get(code, code), rows[code], last, everywhere) for code in sorted(rows))


def _kind(table: pl.DataFrame, path: Path) -> str:
    for kind, columns in TABLES.items():
        if next(iter(columns)) in table.columns:
            missing = [name for name in ("Month", *columns) if name not in table.columns]
            if missing:
                raise EviError(
                    f"it has no column {', '.join(missing)}.", where=str(path), do=f"It should be {kind}."
                )
            return kind
    raise EviError(
        "it is none of the CAMHS tables.",
        where=str(path),
        do=f"Name tables of {', '.join(TABLES)} or of health board labels.",
    )


def _gather(
    kind: str, table: pl.DataFrame, rows: dict[str, dict[date, dict[str, object]]], notes: Notes
) -> None:
    """Put one table's numbers into `rows`, by board and month."""
    columns = TABLES[kind]
    code = pl.col("HB").str.strip_chars()
    recoded = code.is_in(list(NEW_CODES))
    table = table.with_columns(
        start=pl.format("{}01", pl.col("Month")).str.to_date("%Y%m%d", strict=False),
        board=code.replace(NEW_CODES),
    )
    notes.add("rows without a month, left out", table["start"].null_count())
    notes.add("rows under a board's old code, joined to its new one", int(table.select(recoded.sum()).item()))
    table = one_each(table.drop_nulls("start").drop("HB"), ["Month", "board"], notes)
    flags = [f"{name}QF" for name in columns if f"{name}QF" in table.columns]
    letters = (
        pl.concat_str([pl.col(name).fill_null("") for name in flags], separator=" ") if flags else pl.lit("")
    )
    table = table.with_columns(
        letters.alias("flags"),
        *(numbers(table[name], notes, suppressed=()).alias(column) for name, column in columns.items()),
    )
    notes.add(
        "rows marked “not available” (:), left unknown",
        int(table["flags"].str.contains(":").sum() or 0),
    )
    for row in table.select("board", "start", "flags", *columns.values()).iter_rows(named=True):
        month = rows.setdefault(row.pop("board"), {}).setdefault(row["start"], {"flags": ""})
        flagged = {*str(month["flags"]).split(), *row.pop("flags").split()}
        month |= row | {"flags": " ".join(sorted(flagged))}


def _series(
    place: str, months: Mapping[date, dict[str, object]], last: date, everywhere: tuple[str, ...]
) -> Series:
    notes = Notes()
    rows = [months[start] for start in sorted(months)]
    bands = {way: {band: f"{way}_{name}" for band, name in _BANDS.items()} for way in ("waiting", "seen")}
    columns = [*bands["waiting"].values(), *bands["seen"].values(), *_OTHERS]
    table = _balanced(series_table(rows, columns), notes)
    table = table.with_columns(flags=pl.Series([str(row["flags"]) for row in rows], dtype=pl.String))
    marked = [
        f"{letter} in {count}" for letter in "bdruy" if (count := table["flags"].str.contains(letter).sum())
    ]
    told = [f"months here with the publisher's flags: {', '.join(marked)}"] if marked else []
    if max(months) < last:
        told.append(f"this list ends in {max(months):%B %Y}; the newest month of the files is {last:%B %Y}")
    return Series(
        place, "camhs", "month", table, bands["waiting"], bands["seen"], SOURCE,
        ("removals are implied by the lists, not published",
         "“0 to 18 weeks” is within 18 weeks, “19 to 35” is over 18 and up to 35, and so on",
         *told, *notes.lines(), *everywhere),
    )  # fmt: skip


def _balanced(table: pl.DataFrame, notes: Notes) -> pl.DataFrame:
    """With the removals that the lists imply; a month after a gap has none."""
    follows = pl.col("start").dt.offset_by("-1mo") == pl.col("start").shift(1)
    before = pl.when(follows).then(pl.col("waiting").shift(1))
    balance = before + pl.col("referrals") - pl.col("starts") - pl.col("waiting")
    table = table.with_columns(balance=balance).with_columns(
        removals=pl.when(pl.col("balance") >= 0).then(pl.col("balance"))
    )
    whole = table.filter(pl.col("balance").is_not_null())
    joined = round((whole["referrals"] - whole["starts"]).sum())
    notes.add("accepted less seen, in months with all numbers", joined)
    notes.add("by which the list grew in those months", joined - round(whole["balance"].sum()))
    below = table.filter(pl.col("balance") < 0).height
    notes.add(
        "months whose lists imply removals below 0 (a correction, or a list redefined), left unknown", below
    )
    return table
