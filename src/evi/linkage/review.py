"""People look at pairs in doubt: which to show, what they decided, and how the next run learns from it.

A reviewer sees how two records agree, field by field, never what stands in them and never a code. A pair's
name is a hash of its two records, so that it means the same pair after the next run.

What was decided is used in two ways. A pair that reviewers called one person, or two, is that, whatever the
model says (a majority decides; `unsure` and ties decide nothing). And a way of agreeing with `ENOUGH`
decisions or more moves the odds of every other pair that agrees so: from the model's mean probability to the
mean of a Beta distribution that begins there with the weight of `PRIOR` decisions.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from evi.linkage.comparisons import Comparison
from evi.linkage.queries import one_number, table_of
from evi.linkage.scoring import score_pairs, settings_for
from evi.workspace import District, EviError, quote, replace_file

Verdict = Literal["match", "different", "unsure"]
VERDICTS: tuple[Verdict, ...] = ("match", "different", "unsure")
DECISIONS = Path("linkage", "decisions.jsonl")
PAIRS = "review.parquet"
ENOUGH, PRIOR = 10, 10.0
LEAST, MOST = 0.01, 0.999  # pairs outside are not in doubt
_ALWAYS, _NEVER = 1.0, 0.0
_KIND = (", household", ", neighbour", ", stranger")


def name_sql(feed_l: str, person_l: str, feed_r: str, person_r: str) -> str:
    """SQL of a pair's name: 12 hexadecimal digits of a hash of its records, left before right."""
    parts = f"{feed_l}, {person_l}::VARCHAR, {feed_r}, {person_r}::VARCHAR"
    return f"left(sha256(concat_ws('|', {parts})), 12)"


_NAMED = f"""SELECT rec_l, rec_r, p, {name_sql("a.feed", "a.person", "b.feed", "b.person")} AS pair,
    a.feed || ' and ' || b.feed AS feeds
    FROM links JOIN records a ON a.rec = rec_l JOIN records b ON b.rec = rec_r"""


def pairs_in_doubt(con: duckdb.DuckDBPyConnection, comparisons: Sequence[Comparison]) -> pa.Table:
    """The pairs in doubt of a finished run: pair, feeds, p, pattern (its name) and agrees (in words); sorted.

    Of the pairs between two persons of the same two pieces, only the most likely is shown.
    """
    con.execute(
        f"""CREATE OR REPLACE TABLE in_doubt AS
        SELECT n.* FROM ({_NAMED}) n JOIN nodes l ON l.rec = rec_l JOIN nodes r ON r.rec = rec_r
        WHERE p BETWEEN {LEAST} AND {MOST}
        QUALIFY row_number() OVER (
            PARTITION BY least(l.comp, r.comp), greatest(l.comp, r.comp) ORDER BY p DESC, rec_l, rec_r) = 1"""
    )
    con.execute(
        "CREATE OR REPLACE TABLE to_describe AS SELECT rec_l AS l, rec_r AS r, '' AS tag FROM in_doubt"
    )
    con.register("described", _described(con, comparisons))
    found = table_of(
        con,
        """SELECT pair, feeds, p, pattern, agrees FROM in_doubt JOIN described USING (rec_l, rec_r)
        ORDER BY pair""",
    )
    con.unregister("described")
    con.execute("DROP TABLE in_doubt")
    return found


def _described(con: duckdb.DuckDBPyConnection, comparisons: Sequence[Comparison]) -> pa.Table:
    """rec_l, rec_r, pattern and agrees of the pairs of `to_describe` (l, r, tag)."""
    # Weights that spell the level: position k of a comparison weighs k + 1 bits, nothing to compare none.
    settings = settings_for(comparisons, lambda _comparison, k: (0.5, 0.25 / 2**k), 0.001)
    score_pairs(con, "to_describe", settings, out="described_levels", term_frequencies=False)
    levels = [_level_sql(each) for each in comparisons]
    words = f"concat_ws('; ', {', '.join(levels)})" if levels else "''"
    made = table_of(
        con,
        f"""SELECT rec_l, rec_r, agrees, left(sha256(agrees), 8) AS pattern
        FROM (SELECT rec_l, rec_r, {words} AS agrees FROM described_levels)""",
    )
    con.execute("DROP TABLE described_levels; DROP TABLE to_describe")
    return made


def _level_sql(comparison: Comparison) -> str:
    cases = " ".join(
        f"WHEN {k} THEN {quote(_plain(level.label))}" for k, level in enumerate(comparison.levels)
    )
    name = quote(f"{comparison.name.replace('_', ' ')}: ")
    return f"{name} || CASE round(mw_{comparison.name})::INTEGER - 1 {cases} ELSE 'nothing to compare' END"


def _plain(label: str) -> str:
    for kind in _KIND:
        label = label.removesuffix(kind)
    return label.split(" (")[0]


@dataclass(frozen=True)
class Decided:
    """What the ledger says: the verdict of each pair that has one, and (matches, decisions) by pattern."""

    pairs: Mapping[str, Verdict]
    patterns: Mapping[str, tuple[int, int]]


def read_decisions(district: District) -> list[dict[str, Any]]:
    """Every decision so far, oldest first: pair, pattern, verdict, by and at."""
    path = district.root / DECISIONS
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def latest(decisions: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The last word of each reviewer on each pair."""
    return {(str(one["pair"]), str(one["by"])): one for one in decisions}


def decided(decisions: Iterable[Mapping[str, Any]]) -> Decided:
    """Majorities by pair, and counts by pattern.

    >>> decided([{"pair": "a", "pattern": "x", "verdict": "match", "by": "one"},
    ...          {"pair": "a", "pattern": "x", "verdict": "different", "by": "two"}]).pairs
    {}
    """
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    pattern: dict[str, str] = {}
    for (pair, _by), one in sorted(latest(decisions).items()):
        votes[pair][str(one["verdict"])] += 1
        pattern[pair] = str(one["pattern"])
    pairs: dict[str, Verdict] = {}
    counts: dict[str, tuple[int, int]] = {}
    for pair, cast_votes in votes.items():
        yes, no = cast_votes["match"], cast_votes["different"]
        if yes == no:
            continue
        pairs[pair] = "match" if yes > no else "different"
        matches, total = counts.get(pattern[pair], (0, 0))
        counts[pattern[pair]] = (matches + (yes > no), total + 1)
    return Decided(pairs, counts)


def honour(
    con: duckdb.DuckDBPyConnection, known: Decided, comparisons: Sequence[Comparison]
) -> list[tuple[int, int]]:
    """Put decisions into `links`, before records are clustered.

    Returns:
        Pairs of components (`nodes.comp`) that are decided to be two people.
    """
    learned = {name: counts for name, counts in known.patterns.items() if counts[1] >= ENOUGH}
    if learned:
        _recalibrate(con, learned, comparisons)
    if not known.pairs:
        return []
    names = pa.table({"pair": sorted(known.pairs), "verdict": [known.pairs[k] for k in sorted(known.pairs)]})
    con.register("verdicts", names)
    con.execute(
        f"""CREATE OR REPLACE TABLE said AS
        SELECT rec_l, rec_r, verdict FROM ({_NAMED}) JOIN verdicts USING (pair)"""
    )
    con.unregister("verdicts")
    con.execute(
        f"""UPDATE links SET p = CASE WHEN verdict = 'match' THEN {_ALWAYS} ELSE {_NEVER} END
        FROM said WHERE said.rec_l = links.rec_l AND said.rec_r = links.rec_r"""
    )
    apart = con.execute(
        """SELECT DISTINCT l.comp, r.comp FROM said
        JOIN nodes l ON l.rec = rec_l JOIN nodes r ON r.rec = rec_r
        WHERE verdict = 'different' AND l.comp <> r.comp ORDER BY ALL"""
    ).fetchall()
    con.execute("DROP TABLE said")
    return [(int(left), int(right)) for left, right in apart]


def _recalibrate(
    con: duckdb.DuckDBPyConnection, learned: Mapping[str, tuple[int, int]], comparisons: Sequence[Comparison]
) -> None:
    """Move the odds of the pairs of each pattern that has been learned of."""
    con.execute(
        f"""CREATE OR REPLACE TABLE to_describe AS SELECT rec_l AS l, rec_r AS r, '' AS tag FROM links
        WHERE p BETWEEN {LEAST} AND {MOST}"""
    )
    con.register("described", _described(con, comparisons))
    con.execute("CREATE OR REPLACE TABLE patterns AS FROM described")
    con.unregister("described")
    for name, (matches, total) in sorted(learned.items()):
        pairs = one_number(con, f"SELECT count(*) FROM patterns WHERE pattern = {quote(name)}")
        if not pairs:
            continue
        micro = one_number(
            con,
            f"""SELECT sum(round(1e6 * p)::BIGINT) FROM links JOIN patterns USING (rec_l, rec_r)
            WHERE pattern = {quote(name)}""",
        )
        before = micro / 1e6 / pairs
        after = (matches + PRIOR * before) / (total + PRIOR)
        shift = math.log(after / (1 - after)) - math.log(before / (1 - before))
        con.execute(
            f"""UPDATE links SET p = round(1 / (1 + exp(-({shift!r} + ln(links.p / (1 - links.p))))), 6)
            FROM patterns WHERE patterns.rec_l = links.rec_l AND patterns.rec_r = links.rec_r
            AND pattern = {quote(name)}"""
        )
    con.execute("DROP TABLE patterns")


def most_informative(
    pairs: Sequence[Mapping[str, Any]], decisions: Sequence[Mapping[str, Any]], count: int
) -> list[dict[str, Any]]:
    """The undecided pairs that would teach most: patterns in doubt that many pairs share come first.

    A pattern is worth the sum of 4p(1 − p) over its undecided pairs, shared out among one more than what has
    been decided of it. Every pattern is shown once before any is shown twice.

    Args:
        pairs: rows of `pairs_in_doubt`.
        decisions: from `read_decisions`.
        count: how many.

    Returns:
        The rows, each with `like_it`: undecided pairs that agree so.
    """
    done = {str(one["pair"]) for one in decisions}
    told = Counter(str(one["pattern"]) for one in latest(decisions).values())
    by_pattern: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in pairs:
        if row["pair"] not in done:
            by_pattern[str(row["pattern"])].append(row)
    ranked = []
    for pattern, rows in by_pattern.items():
        doubt = {str(row["pair"]): 4 * row["p"] * (1 - row["p"]) for row in rows}
        worth = sum(doubt.values()) / (1 + told[pattern])
        rows.sort(key=lambda row: (-doubt[str(row["pair"])], row["pair"]))
        ranked += [(turn, -worth, pattern, {**row, "like_it": len(rows)}) for turn, row in enumerate(rows)]
    ranked.sort(key=lambda entry: entry[:3])
    return [row for *_order, row in ranked[:count]]


def read_pairs(district: District) -> list[dict[str, Any]]:
    """The pairs in doubt of the spine that stands.

    Raises:
        EviError: there is no spine.
    """
    path = district.spine / PAIRS
    if not path.is_file():
        raise EviError("nobody is linked yet.", where=str(path), do="Run `evi link` first.", exit_code=2)
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def decide(district: District, pair: str, verdict: str, by: str) -> dict[str, Any]:
    """Write down what a reviewer says of a pair.

    Raises:
        EviError: no pair in doubt has that name, the verdict is not one, or nobody signs it.
    """
    if verdict not in VERDICTS:
        raise EviError(
            f"{verdict} is no verdict.", where="--as", do=f"Say {', '.join(VERDICTS)}.", exit_code=2
        )
    if len(by.strip()) < 2:
        raise EviError(
            "nobody signs this.", where="--by", do="Give the reviewer's name or role.", exit_code=2
        )
    row = next((row for row in read_pairs(district) if row["pair"] == pair), None)
    if row is None:
        raise EviError(
            "no pair in doubt has that name.", where=pair, do="List them with `evi link review`.", exit_code=2
        )
    entry = {
        "pair": pair,
        "pattern": row["pattern"],
        "verdict": verdict,
        "by": by.strip(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    entries = [*read_decisions(district), entry]
    with replace_file(district.root / DECISIONS) as scratch:
        scratch.write_text(
            "".join(json.dumps(one, sort_keys=True) + "\n" for one in entries), encoding="utf-8"
        )
    return entry


@dataclass(frozen=True)
class Agreement:
    """How far two reviewers agree: pairs both judged, the share alike, Cohen's kappa and its interval."""

    reviewers: tuple[str, str]
    pairs: int
    alike: float
    kappa: float
    low: float
    high: float


def agreement(decisions: Iterable[Mapping[str, Any]]) -> list[Agreement]:
    """Cohen's (1960) kappa for every two reviewers who judged a pair in common, with its 95% interval.

    The standard error is Cohen's own, √(pₒ(1 − pₒ) / n) / (1 − pₑ), which is rough below some 30 pairs.
    """
    said: dict[str, dict[str, str]] = defaultdict(dict)
    for (pair, by), one in latest(decisions).items():
        said[by][pair] = str(one["verdict"])
    return [
        found
        for a, b in combinations(sorted(said), 2)
        if (
            found := kappa(
                (a, b), [(said[a][p], said[b][p]) for p in sorted(said[a].keys() & said[b].keys())]
            )
        )
    ]


def kappa(reviewers: tuple[str, str], judged: Sequence[tuple[str, str]]) -> Agreement | None:
    """Cohen's kappa of pairs of verdicts; None where there is none.

    >>> made = kappa(("a", "b"), [("match", "match")] * 20 + [("match", "different")] * 5
    ...              + [("different", "match")] * 10 + [("different", "different")] * 15)
    >>> made and (round(made.alike, 2), round(made.kappa, 2))
    (0.7, 0.4)
    """
    n = len(judged)
    if not n:
        return None
    alike = sum(a == b for a, b in judged) / n
    mine, theirs = Counter(a for a, _ in judged), Counter(b for _, b in judged)
    chance = sum(mine[v] * theirs[v] for v in VERDICTS) / (n * n)
    if chance >= 1:
        return Agreement(reviewers, n, alike, 1.0, 1.0, 1.0)
    found = (alike - chance) / (1 - chance)
    error = 1.96 * math.sqrt(alike * (1 - alike) / n) / (1 - chance)
    return Agreement(reviewers, n, alike, found, max(-1.0, found - error), min(1.0, found + error))


def verdict_of(answer: str) -> Verdict | None:
    """The verdict that a typed answer begins (m, d or u), or None."""
    return next((verdict for verdict in VERDICTS if answer and verdict.startswith(answer.lower())), None)
