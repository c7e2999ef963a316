"""What a run of linkage says of itself: counts, probabilities, and an audit that needs no truth."""

from __future__ import annotations

from typing import Any

import duckdb

from evi.linkage.queries import columns_that_hold_something, one_number, one_row
from evi.linkage.resolve import Resolution

# Above these shares the model can't be taken at its word.
MOST_EXPECTED_FOR_POSSIBLE = 1.02
MOST_CONTRADICTED_LINKS = 0.01
MANY_MATCHES = 100  # fewer matches than this tell nothing of how well a model fits
MOST_APART = 0.15  # the share by which matches expected of pairs and of whole matchings may differ


def quality_report(
    con: duckdb.DuckDBPyConnection,
    feeds: list[str],
    resolution: Resolution,
    threshold: float,
) -> dict[str, Any]:
    """The content of `quality.json`, from the tables of a finished run."""
    found = audit(con, resolution, threshold)
    report: dict[str, Any] = {
        "parameters": {"threshold": threshold, "prior": resolution.model.prior},
        "feeds": _by_feed(con),
        "matched_between_feeds": _between_feeds(con),
        "cluster_sizes": _sizes(con),
        "probability_of_scored_pairs": _histogram(con),
        "deterministic_links": resolution.anchored,
        "pairs_compared": resolution.pairs_compared,
        "refused_links_two_records_of_one_feed": resolution.refused,
        "cannot_link": {
            "pairs_of_twins": resolution.twins,
            "links_refused_that_would_join_twins": resolution.forbidden,
            "links_refused_that_would_join_two_records_of": {
                feeds[number]: count for number, count in sorted(resolution.refused_by.items())
            },
        },
        "blocks": [
            {
                "rule": note.rule,
                "pairs": note.pairs,
                "blocks_split": note.blocks_split,
                "largest_split": note.largest_split,
                "blocks_dropped": note.blocks_dropped,
                "largest_dropped": note.largest_dropped,
            }
            for note in resolution.blocks
        ],
        "audit": found,
    }
    report["warnings"] = _warnings(report, feeds)
    return report


def _by_feed(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    rows = con.execute(
        """WITH sized AS (SELECT subject_id, count(*) AS size FROM spine_people GROUP BY subject_id)
        SELECT feed, count(*), count(*) FILTER (size > 1), round(avg(probability), 6)
        FROM spine_people JOIN sized USING (subject_id) GROUP BY feed ORDER BY feed"""
    ).fetchall()
    return {
        feed: {
            "records": records,
            "linked": linked,
            "share_linked": round(linked / records, 4),
            "mean_probability": mean,
        }
        for feed, records, linked, mean in rows
    }


def _between_feeds(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """For each pair of feeds: subjects in both, and their share of the smaller feed."""
    rows = con.execute(
        """WITH held AS (SELECT DISTINCT subject_id, feed FROM spine_people),
        sizes AS (SELECT feed, count(*) AS n FROM held GROUP BY feed)
        SELECT a.feed, b.feed, count(*), round(count(*) / least(any_value(x.n), any_value(y.n)), 4)
        FROM held a JOIN held b ON a.subject_id = b.subject_id AND a.feed < b.feed
        JOIN sizes x ON x.feed = a.feed JOIN sizes y ON y.feed = b.feed
        GROUP BY a.feed, b.feed ORDER BY a.feed, b.feed"""
    ).fetchall()
    return [{"feeds": [a, b], "subjects": n, "share_of_smaller": share} for a, b, n, share in rows]


def _sizes(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    rows = con.execute(
        """SELECT size, count(*) FROM (SELECT count(*) AS size FROM spine_people GROUP BY subject_id)
        GROUP BY size ORDER BY size"""
    ).fetchall()
    return {str(size): count for size, count in rows}


def _histogram(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    rows = con.execute(
        "SELECT least(floor(p * 20)::INTEGER, 19) AS bin, count(*) FROM links GROUP BY bin ORDER BY bin"
    ).fetchall()
    return {f"{bin / 20:.2f}-{(bin + 1) / 20:.2f}": count for bin, count in rows}


def audit(con: duckdb.DuckDBPyConnection, resolution: Resolution, threshold: float) -> dict[str, Any]:
    """Checks that need no truth: too many matches, confident links that contradict themselves, twins."""
    model = resolution.model
    # One record per person and feed: a pair of feeds can't hold more matches than the smaller of the two.
    possible = one_number(
        con,
        """WITH sizes AS (SELECT feed, count(*) AS n FROM people GROUP BY feed)
        SELECT coalesce(sum(least(a.n, b.n)), 0) FROM sizes a JOIN sizes b ON a.feed < b.feed""",
    )
    columns = columns_that_hold_something(con, "people")
    odd = twins = 0
    confident = one_number(con, f"SELECT count(*) FROM links WHERE p >= {threshold}")
    if {"fn", "dob", "sn"} <= columns:
        contradicted = "l.fn_t <> r.fn_t AND l.fn_ph <> r.fn_ph AND l.fn_pre <> r.fn_pre"
        odd, twins = one_row(
            con,
            f"""SELECT count(*) FILTER ({contradicted} AND l.dob <> r.dob AND l.ym <> r.ym AND l.md <> r.md
                    AND l.yd <> r.yd), count(*) FILTER ({contradicted} AND l.dob = r.dob AND l.sn = r.sn)
            FROM links JOIN people l ON l.rec = rec_l JOIN people r ON r.rec = rec_r
            WHERE p >= {threshold}""",
        )
    return {
        "expected_matches": model.expected_matches,
        "most_possible_matches": possible,
        "matches_by_probabilities": _matches(con),
        "confident_links": confident,
        "confident_links_with_other_forename_and_birth_date": int(odd),
        "confident_links_that_look_like_twins": int(twins),
    }


def _matches(con: duckdb.DuckDBPyConnection) -> float:
    """Pairs held together by certain links, and the sum of the probabilities of the others."""
    certain = one_number(
        con,
        "SELECT coalesce(sum(n * (n - 1) // 2), 0) FROM (SELECT count(*) AS n FROM nodes GROUP BY comp)",
    )
    return round(certain + float(one_row(con, "SELECT coalesce(sum(p), 0) FROM links")[0]), 1)


def audit_warnings(audit: dict[str, Any]) -> list[str]:
    """What a person should read of an audit, in sentences."""
    warnings: list[str] = []
    if audit["expected_matches"] > MOST_EXPECTED_FOR_POSSIBLE * audit["most_possible_matches"] > 0:
        warnings.append(
            f"The model expects {audit['expected_matches']:,.0f} matches, and the feeds can hold at most "
            f"{audit['most_possible_matches']:,}: it may be linking siblings. Look at model.json before use."
        )
    expected, ended = audit["expected_matches"], audit["matches_by_probabilities"]
    if abs(expected - ended) > MOST_APART * max(expected, ended, MANY_MATCHES):
        warnings.append(
            f"Pairs by themselves make {expected:,.0f} matches, and with rivals and groups {ended:,.0f}: "
            "the model does not fit, so its probabilities are not to be read as shares."
        )
    odd = audit["confident_links_with_other_forename_and_birth_date"]
    if odd > MOST_CONTRADICTED_LINKS * max(1, audit["confident_links"]):
        warnings.append(f"{odd:,} confident links have a different forename and a different birth date.")
    return warnings


def _warnings(report: dict[str, Any], feeds: list[str]) -> list[str]:
    warnings = audit_warnings(report["audit"])
    warnings += [
        f"Blocking by {note['rule']}: {note['blocks_dropped']:,} blocks were too large and were left "
        f"out (the largest had {note['largest_dropped']:,} records)."
        for note in report["blocks"]
        if note["blocks_dropped"]
    ]
    warnings += [
        f"{count:,} times the {name}: perhaps a sibling's number; left for the model."
        for name, count in report["deterministic_links"].items()
        if "contradict" in name and count
    ]
    if len(feeds) == 1:
        warnings.append("There is one feed only, so there was nothing to link across.")
    return warnings
