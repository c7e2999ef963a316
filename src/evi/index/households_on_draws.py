"""Children whose answers a draw of links may change, and with whom they live: a small store of their events.

What an indicator says of a child rests on the child's own records and on those of the people and homes that
the child has lived with. So each child with a household that some draw changes is copied, with the
household, under ids of its own, and households that are the same on many draws are worked out once. Who was
born when and lived where is taken from the spine; of records that a draw joins, from the person with most of
them.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from evi.feeds import load_layouts
from evi.index.sources import HOME_SUBJECT
from evi.index.steps import Step, run_steps
from evi.indicators import Store
from evi.records.places import SPINE
from evi.workspace import District, quote

ADULT_MONTHS = 216
_FEW = 100  # people at one address beyond which they are not a household


def find_households(con: duckdb.DuckDBPyConnection, district: District, day: date, moved: pa.Table) -> None:
    """Tables of what draws change.

    Args:
        moved: draw, feed, person, subject_id, as `draws/people.parquet` has them.

    Makes:

    - `touched` (draw, subject_id): children of the spine whose answers may be others on the draw;
    - `redrawn` (draw, subject_id, main, bubble): the children who stand in their place, with the subject of
      the spine that they are most of, and the number of their household;
    - `living` (bubble, id, is_child, member, main): everyone in the different households, with an id of
      their own; `member` names whom they are made of;
    - `made_of` (member, old, feed): the records of each, by subject of the spine and feed; of those who have
      all their own records, nothing.
    """
    store = Store.of(district)
    con.register("moved_given", moved)
    con.execute("CREATE OR REPLACE TEMP TABLE moved_records AS FROM moved_given")
    con.unregister("moved_given")
    people = quote(str(district.spine / "people.parquet"))
    con.execute(f"CREATE OR REPLACE TEMP VIEW spine_records AS FROM read_parquet({people})")
    con.execute(f"CREATE OR REPLACE TEMP VIEW all_subjects AS FROM {store.view(con, 'subjects')}")
    con.execute(f"CREATE OR REPLACE TEMP VIEW all_stays AS FROM {store.view(con, 'residence')}")
    run_steps(con, [*_who_is_made_of_what(), *_who_lives_with_whom(day), *_different_households()])


def _who_is_made_of_what() -> list[Step]:
    return [
        Step(
            "moved",
            "records that a draw moves, with the subject they leave",
            """SELECT m.draw, m.feed, m.person, m.subject_id, p.subject_id AS old
               FROM moved_records m JOIN spine_records p USING (feed, person)""",
        ),
        Step(
            "affected",
            "who gains or loses records on a draw",
            "SELECT draw, subject_id AS subject FROM moved UNION SELECT draw, old FROM moved",
        ),
        Step(
            "parts",
            "of whose records, by feed, everyone affected is made on a draw",
            """SELECT a.draw, coalesce(m.subject_id, p.subject_id) AS subject, p.subject_id AS old, p.feed,
                      count(*) AS records
               FROM affected a JOIN spine_records p ON p.subject_id = a.subject
               LEFT JOIN moved m ON m.draw = a.draw AND m.feed = p.feed AND m.person = p.person
               GROUP BY ALL""",
        ),
        Step(
            "drawn_people",
            "everyone affected who is there on a draw: whom they are most of, and a name for what they are",
            """SELECT draw, subject, main,
                      (md5_number_lower(concat_ws('|', main, list_sort(list(old || feed))::VARCHAR))
                        >> 1)::BIGINT AS member
               FROM (SELECT *, CASE WHEN bool_or(old = subject) OVER w THEN subject
                                    ELSE first(old) OVER (w ORDER BY records DESC, old, feed
                                      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) END AS main
                     FROM parts WINDOW w AS (PARTITION BY draw, subject))
               GROUP BY draw, subject, main""",
        ),
        Step(
            "made_of",
            "what the different members are made of",
            """SELECT DISTINCT member, old, feed FROM drawn_people JOIN parts USING (draw, subject)""",
        ),
    ]


def _who_lives_with_whom(day: date) -> list[Step]:
    age = f"datediff('month', birth_month, DATE '{day}')"
    return [
        Step(
            "young",
            "children on the day",
            f"""SELECT subject_id FROM all_subjects
                WHERE kind <> 'home' AND birth_month <= DATE '{day}' AND {age} < {ADULT_MONTHS}""",
        ),
        Step(
            "homes",
            "homes in which not too many have lived",
            f"""SELECT DISTINCT subject_id, home FROM all_stays
                WHERE home IN (SELECT home FROM all_stays GROUP BY home
                               HAVING count(DISTINCT subject_id) <= {_FEW})""",
        ),
        Step(
            "touched",
            "children who are affected, or have lived with someone who is",
            """WITH of_interest AS (
                 SELECT draw, subject FROM affected UNION SELECT draw, main FROM drawn_people)
               SELECT draw, subject AS subject_id FROM of_interest SEMI JOIN young ON subject_id = subject
               UNION
               SELECT i.draw, b.subject_id
               FROM of_interest i JOIN homes a ON a.subject_id = i.subject JOIN homes b ON b.home = a.home
               SEMI JOIN young ON young.subject_id = b.subject_id""",
        ),
        Step(
            "children_drawn",
            "the children who stand in their place",
            """SELECT t.draw, d.subject AS subject_id, d.main, d.member
               FROM touched t JOIN drawn_people d ON d.draw = t.draw AND d.main = t.subject_id
               UNION ALL
               SELECT draw, subject_id, subject_id, subject_id FROM touched
               WHERE (draw, subject_id) NOT IN (SELECT (draw, subject) FROM affected)""",
        ),
        Step(
            "others",
            "who else has lived in their homes, as they are on the draw",
            """WITH near AS (
                 SELECT DISTINCT c.draw, c.subject_id AS child, b.subject_id AS other
                 FROM children_drawn c JOIN homes a ON a.subject_id = c.main JOIN homes b USING (home)
                 WHERE b.subject_id <> c.main)
               SELECT n.draw, child, d.member, d.main
               FROM near n JOIN drawn_people d ON d.draw = n.draw AND d.main = n.other
               UNION ALL
               SELECT draw, child, other, other FROM near
               WHERE (draw, other) NOT IN (SELECT (draw, subject) FROM affected)""",
        ),
    ]


def _different_households() -> list[Step]:
    return [
        Step(
            "of_households",
            "the household of each child on each draw, by name",
            """SELECT c.draw, c.subject_id, any_value(c.main) AS main, any_value(c.member) AS member,
                      md5(concat(any_value(c.member), ':',
                          coalesce(list_sort(list(o.member) FILTER (o.member IS NOT NULL)), [])::VARCHAR))
                        AS household
               FROM children_drawn c LEFT JOIN others o ON o.draw = c.draw AND o.child = c.subject_id
               GROUP BY c.draw, c.subject_id""",
        ),
        Step(
            "numbered_households",
            "each different household once, as on the first draw that has it",
            """SELECT *, row_number() OVER (ORDER BY household) AS bubble
               FROM (FROM of_households
                     QUALIFY row_number() OVER (PARTITION BY household ORDER BY draw, subject_id) = 1)""",
        ),
        Step(
            "redrawn",
            "the children of each draw, with their household's number",
            """SELECT o.draw, o.subject_id, o.main, bubble
               FROM of_households o JOIN numbered_households USING (household)""",
        ),
        Step(
            "living",
            "everyone in the different households, under ids of their own",
            """SELECT *, row_number() OVER (ORDER BY bubble, NOT is_child, main, member) AS id
               FROM (SELECT bubble, true AS is_child, member, main FROM numbered_households
                     UNION ALL
                     SELECT bubble, false, o.member, o.main FROM numbered_households n
                     JOIN others o ON o.draw = n.draw AND o.child = n.subject_id)""",
        ),
    ]


def write_store(con: duckdb.DuckDBPyConnection, district: District, folder: Path) -> None:
    """Write a store of events of `living` into `folder`, after `find_households`."""
    store = Store.of(district)
    con.execute(f"CREATE OR REPLACE TEMP VIEW all_events AS FROM read_parquet({quote(store.by_code)})")
    con.execute(f"CREATE OR REPLACE TEMP VIEW all_coverage AS FROM {store.view(con, 'coverage')}")
    layouts = load_layouts([district.root / name for name in district.config.layouts]).values()
    held = sorted({each.feed for each in layouts if each.coverage and each.coverage.person})
    registers = ", ".join(quote(feed) for feed in held) or "NULL"
    con.execute(
        """CREATE OR REPLACE TEMP TABLE their_homes AS
        SELECT DISTINCT bubble, home,
               (md5_number_lower(concat_ws('|', bubble, home)) >> 2)::BIGINT AS own_home
        FROM living JOIN homes ON homes.subject_id = main WHERE is_child"""
    )
    tables = {
        "subjects": f"""SELECT l.id AS subject_id, s.* EXCLUDE (subject_id)
            FROM living l JOIN all_subjects s ON s.subject_id = l.main
            UNION ALL BY NAME
            SELECT {HOME_SUBJECT.format(home="own_home")} AS subject_id, 'home' AS kind FROM their_homes
            ORDER BY subject_id""",
        "residence": """SELECT l.id AS subject_id, own_home AS home, s.lsoa, s.start, s."end"
            FROM living l JOIN all_stays s ON s.subject_id = l.main
            JOIN their_homes h ON h.bubble = l.bubble AND h.home = s.home ORDER BY ALL""",
        # A feed of a population covers whoever lives here, of a register those whom it holds.
        "coverage": f"""WITH told AS (
              SELECT l.id, c.feed, c.start, c."end", c.known_at
              FROM living l JOIN all_coverage c ON c.subject_id = l.main
              WHERE c.feed NOT IN ({registers}) OR l.member NOT IN (SELECT member FROM made_of)
              UNION
              SELECT l.id, c.feed, c.start, c."end", c.known_at
              FROM living l JOIN made_of m ON m.member = l.member
              JOIN all_coverage c ON c.subject_id = m.old AND c.feed = m.feed
              WHERE c.feed IN ({registers}))
            SELECT id AS subject_id, feed, start, "end", known_at FROM told ORDER BY ALL""",
        "by_code": f"""WITH about AS (
              SELECT l.id, l.main AS old, NULL AS feed FROM living l
              WHERE l.member NOT IN (SELECT member FROM made_of)
              UNION ALL
              SELECT l.id, m.old, m.feed FROM living l JOIN made_of m ON m.member = l.member
              UNION ALL
              SELECT l.id, l.main, {quote(SPINE)} FROM living l WHERE l.member IN (SELECT member FROM made_of)
              UNION ALL
              SELECT {HOME_SUBJECT.format(home="own_home")}, {HOME_SUBJECT.format(home="home")}, NULL
              FROM their_homes)
            SELECT a.id AS subject_id, e.* EXCLUDE (subject_id)
            FROM about a JOIN all_events e ON e.subject_id = a.old AND (a.feed IS NULL OR a.feed = e.source)
            ORDER BY code, subject_id, time""",
    }
    for name, sql in tables.items():
        con.execute(f"COPY ({sql}) TO {quote(str(folder / f'{name}.parquet'))} (FORMAT parquet)")
