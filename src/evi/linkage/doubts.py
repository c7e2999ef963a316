"""What the spine was not sure of, kept small: pieces that are surely one person, and the links in doubt.

A piece is a set of records held together by links of probability `CERTAIN` or more. Between pieces stand the
scored links in doubt, joined or refused. Records with no name and no number are pieces of their own: no block
finds them and no score is worth much, so their candidates are the pieces with the same birth date, weighed by
how likely such a person is to be in that feed at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evi.linkage.clusters import cluster
from evi.linkage.queries import columns_that_hold_something, table_of
from evi.linkage.training import Model

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CERTAIN = 0.9995
LEAST = 0.01  # links below this are not worth keeping
_ROUNDS, _RIDGE = 8, 1.0
_TURNS = 12
_OWNERS = 5
_OTHER_SEX = 0.01  # the chance that one person's two records differ in sex, against that they agree
_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


def find_doubts(con: duckdb.DuckDBPyConnection, model: Model) -> tuple[pa.Table, pa.Table]:
    """The pieces and links in doubt of a finished run, from its session.

    Returns:
        pieces: feed, person, piece, for the records of every piece that some link in doubt touches; sorted.
        doubts: piece, other (piece < other), p, how (`scored`; for records without a name `birth date`, or
            `likely owner` for the few who stand for all whose birth date is written otherwise); sorted.
    """
    _pieces(con)
    con.execute(
        f"""CREATE OR REPLACE TABLE doubts AS
        SELECT least(l.piece, r.piece) AS piece, greatest(l.piece, r.piece) AS other, max(p) AS p,
               'scored' AS how
        FROM links JOIN pieces l ON l.rec = rec_l JOIN pieces r ON r.rec = rec_r
        WHERE l.piece <> r.piece AND p >= {LEAST} GROUP BY 1, 2"""
    )
    _nameless(con, model)
    doubts = table_of(
        con, "SELECT piece, other, round(p, 6) AS p, how FROM doubts ORDER BY piece, other, how"
    )
    pieces = table_of(
        con,
        """SELECT feed, person, piece FROM pieces JOIN records USING (rec)
        WHERE piece IN (SELECT piece FROM doubts UNION SELECT other FROM doubts) ORDER BY feed, person""",
    )
    return pieces, doubts


def _pieces(con: duckdb.DuckDBPyConnection) -> None:
    """Table `pieces` (rec, piece, mask, cluster): records joined for certain; a record gives its name."""
    comps = np.asarray(
        con.execute("SELECT DISTINCT comp FROM nodes ORDER BY comp").fetchnumpy()["comp"], np.int64
    )
    sure = con.execute(
        f"""SELECT DISTINCT l.comp AS a, r.comp AS b FROM links
        JOIN nodes l ON l.rec = rec_l JOIN nodes r ON r.rec = rec_r
        JOIN resolved cl ON cl.rec = rec_l JOIN resolved cr ON cr.rec = rec_r
        WHERE p >= {CERTAIN} AND cl.cluster = cr.cluster AND l.comp <> r.comp ORDER BY ALL"""
    ).fetchnumpy()
    left, right = (np.searchsorted(comps, np.asarray(sure[side], np.int64)) for side in ("a", "b"))
    root = cluster([0] * len(comps), (left, right, np.ones(len(left)))).root
    con.register("rooted", pa.table({"comp": pa.array(comps), "root": pa.array(comps[root])}))
    con.execute(
        """CREATE OR REPLACE TABLE pieces AS
        SELECT n.rec, min(n.rec) OVER (PARTITION BY root) AS piece,
               bit_or(1::BIGINT << n.feed) OVER (PARTITION BY root) AS mask, cluster
        FROM nodes n JOIN rooted USING (comp) JOIN resolved USING (rec)"""
    )
    con.unregister("rooted")


def _nameless(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Add to `doubts` the pieces that a record with no name and no number may belong to.

    What the spine takes to be one person stands as one, by its largest piece. Of a feed with N such records,
    each person without a record of the feed is expected to own q of them: how likely they are to be in the
    feed (a ridge logistic regression on the other feeds that hold them and on birth year), less the chance
    that a linkable record would have been found. Weights are q × the chance that one person's records agree
    so on birth date and sex. Against them stand those whom no other feed knows, and owners with another birth
    date written down, for all of whom a few likely ones stand.
    """
    columns = columns_that_hold_something(con, "people")
    if not {"dob", "birth_year"} <= columns or "birth_date" not in model.m:
        return
    blank = " AND ".join(f"{name} IS NULL" for name in ("fn", "sn", "nhs", "upn") if name in columns)
    sex = "sex" if "sex" in columns else "NULL::VARCHAR"
    told = con.execute(
        f"""SELECT mode(p.piece ORDER BY p.piece) AS piece, bit_or(1::BIGINT << feed) AS mask,
               mode(dob ORDER BY dob) AS dob, mode({sex} ORDER BY {sex}) AS sex,
               mode(birth_year ORDER BY birth_year) AS born,
               bool_and({blank or "true"}) AND count(*) = 1 AS blank
        FROM pieces p JOIN people USING (rec)
        GROUP BY cluster HAVING dob IS NOT NULL AND born IS NOT NULL ORDER BY 1"""
    ).fetchnumpy()
    pieces = _Pieces(
        piece=np.asarray(told["piece"], np.int64),
        mask=np.asarray(told["mask"], np.int64),
        dob=np.asarray(told["dob"], np.int64),
        sex=np.array([str(value) if value in ("M", "F") else "" for value in told["sex"]]),
        born=np.asarray(told["born"], np.int64),
        blank=np.asarray(told["blank"], bool),
    )
    for bit in np.unique(pieces.mask[pieces.blank]).tolist():
        found = _candidates(pieces, int(bit), model.m["birth_date"][0])
        con.register("found", found)
        con.execute(
            f"""INSERT INTO doubts
            SELECT least(a, b) AS l, greatest(a, b) AS r, max(p) AS most, max_by(how, (p, how))
            FROM found GROUP BY l, r HAVING most >= {LEAST}"""
        )
        con.unregister("found")


@dataclass(frozen=True)
class _Pieces:
    """Pieces as arrays: feeds held (bits), birth date (code), sex, birth year, and whether it is nameless."""

    piece: Ints
    mask: Ints
    dob: Ints
    sex: npt.NDArray[np.str_]
    born: Ints
    blank: npt.NDArray[np.bool_]


def _candidates(pieces: _Pieces, bit: int, same_date: float) -> pa.Table:
    """The candidates of the nameless records of one feed: a, b, p (the chance that they are one person), how.

    Who is in the feed and whose each record is are estimated by turns (expectation-maximisation), since the
    youngest often have no number at all and could not otherwise be learned from.
    """
    lost = np.flatnonzero(pieces.blank & (pieces.mask == bit))
    known = np.flatnonzero(~pieces.blank)
    years = pieces.born[np.concatenate([lost, known[(pieces.mask[known] & bit) != 0]])]
    known = known[(pieces.born[known] >= years.min()) & (pieces.born[known] <= years.max())]
    known = known[np.argsort(pieces.dob[known], kind="stable")]
    held = (pieces.mask[known] & bit) != 0
    unseen = int((pieces.mask[known] == bit).sum())  # linkable records of the feed that no other feed knows
    outside = (unseen + 1) / (held.sum() + 2)
    others = len(lost) * (1 - same_date + outside) / (365.25 * (years.max() - years.min() + 1))
    record, near, agree = _same_birth_date(pieces, lost, known)
    blank = _share_by_year(pieces.born[lost], pieces.born[known], held)
    traits = _traits(pieces, known, bit)
    owned: Floats = np.zeros(len(known))
    p: Floats = np.zeros(len(record))
    for _ in range(_TURNS):
        chance = _logistic(traits, np.where(held, 1.0, np.minimum(1.0, owned)))
        owns = np.where(held, 0.0, chance * blank / np.maximum(1e-9, 1 - chance * (1 - blank)))
        weight = owns[near] * agree * same_date
        p = weight / (np.bincount(record, weight, len(lost)) + others)[record]
        owned = np.asarray(np.bincount(near, p, len(known)), float)
    slipped = len(lost) * (1 - same_date) / (365.25 * (years.max() - years.min() + 1))
    weight = owns[near] * agree * same_date
    slip = slipped / (np.bincount(record, weight, len(lost)) + others)
    unlike, owner = _likely_owners(len(lost), owns, bit)
    a = np.concatenate([pieces.piece[lost][record], pieces.piece[lost][unlike]])
    b = np.concatenate([pieces.piece[known][near], pieces.piece[known][owner]])
    chance = np.concatenate([p, slip[unlike] / _OWNERS])
    how = pa.array(["birth date"] * len(p) + ["likely owner"] * len(unlike))
    return pa.table([pa.array(a), pa.array(b), pa.array(chance), how], ["a", "b", "p", "how"])


def _likely_owners(count: int, owns: Floats, bit: int) -> tuple[Ints, Ints]:
    """For each nameless record, a few pieces drawn by how likely they are to own one; the same in every run.

    They stand for all owners whose birth date is written otherwise in one of the two records.
    """
    if not owns.sum() > 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    drawn = np.random.default_rng(bit).choice(len(owns), (count, _OWNERS), p=owns / owns.sum())
    return np.repeat(np.arange(count), _OWNERS), np.asarray(drawn.ravel(), np.int64)


def _same_birth_date(pieces: _Pieces, lost: Ints, known: Ints) -> tuple[Ints, Ints, Floats]:
    """Pairs of a nameless record and a known piece (positions) of one birth date, and how sex agrees.

    `known` is in order of birth date.
    """
    dobs = pieces.dob[known]
    first, last = (np.searchsorted(dobs, pieces.dob[lost], side) for side in _SIDES)
    counts = last - first
    record = np.repeat(np.arange(len(lost)), counts)
    near = np.arange(len(record)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
    one, other = pieces.sex[lost][record], pieces.sex[known][near]
    return record, near, np.where((one != other) & (one != "") & (other != ""), _OTHER_SEX, 1.0)


def _share_by_year(lost: Ints, known: Ints, held: npt.NDArray[np.bool_]) -> Floats:
    """For each known piece, the share of the feed's records of that birth year that are nameless."""
    first = min(lost.min(), known.min()) if len(known) else lost.min()
    size = int(max(lost.max(), known.max() if len(known) else 0) - first) + 1
    nameless = np.bincount(lost - first, minlength=size)
    linkable = np.bincount((known - first)[held], minlength=size)
    return np.asarray(((nameless + 0.5) / (nameless + linkable + 1))[known - first])


def _traits(pieces: _Pieces, known: Ints, bit: int) -> Floats:
    """A row for each known piece: a constant, the other feeds that hold it, birth year and its square."""
    others = pieces.mask[known] & ~np.int64(bit)
    feeds = [1 << n for n in range(int(others.max()).bit_length() if len(others) else 0)]
    decade = (pieces.born[known] - (pieces.born[known].mean() if len(known) else 0.0)) / 10
    columns = [
        np.ones(len(known)),
        *((others & feed != 0).astype(float) for feed in feeds),
        decade,
        decade**2,
    ]
    return np.column_stack(columns)


def _logistic(x: Floats, y: Floats) -> Floats:
    """Fitted chances of a ridge logistic regression (Newton's method; the first column is not shrunk)."""
    penalty = np.full(x.shape[1], _RIDGE)
    penalty[0] = 1e-6
    beta = np.zeros(x.shape[1])
    for _ in range(_ROUNDS):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        gradient = x.T @ (y - p) - penalty * beta
        hessian = (x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty)
        beta = beta + np.linalg.solve(hessian, gradient)
    return np.asarray(1 / (1 + np.exp(-np.clip(x @ beta, -30, 30))))
