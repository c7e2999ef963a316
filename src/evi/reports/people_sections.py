"""Sections on the records: how well they were joined, and whom each service can speak of."""

from __future__ import annotations

from matplotlib.figure import Figure

from evi.index.catalogue import DOUBTFUL_LINK
from evi.index.disclosure import share, shown
from evi.reports.blocks import Chart, Note, Section, section, table
from evi.reports.charts import bars, chart
from evi.reports.material import Material
from evi.reports.words import feed_in_text, feed_name, in_a_hundred, listed, share_text


def linkage_section(material: Material) -> Section:
    """How many records came in, how many people they are about, and how well they were joined."""
    feeds = material.rows(
        f"""WITH widely AS (SELECT subject_id, count(DISTINCT feed) AS feeds FROM people GROUP BY subject_id)
            SELECT feed, count(*), count(DISTINCT subject_id), count(*) FILTER (feeds > 1),
                   count(*) FILTER (probability < {DOUBTFUL_LINK})
            FROM people JOIN widely USING (subject_id) GROUP BY feed ORDER BY count(*) DESC, feed"""
    )
    title = "How well were the records joined?"
    if not feeds:
        return section("linkage", title, "No service has sent records about people yet.")
    records = sum(row[1] for row in feeds)
    people = material.count("SELECT count(DISTINCT subject_id) FROM people")
    doubtful = sum(row[4] for row in feeds)
    opening = (
        f"{len(feeds)} services sent {records:,} records about people. After joining the ones that belong "
        f"together, we found {people:,} people, children and adults. No names were used: each service turned "
        "them into codes before it sent anything."
    )
    if len(feeds) == 1:
        return section(
            "linkage",
            title,
            f"Only one service ({feed_in_text(feeds[0][0])}) sent records: {records:,} of them, about "
            f"{people:,} people. There was nothing to join them with.",
        )
    doubt = (
        f"{in_a_hundred(doubtful, records).capitalize()} records were joined with some doubt: the chance "
        f"that the match is right was under {DOUBTFUL_LINK:.0%}. Where that could change a child's index, "
        "the index says so."
        if doubtful
        else f"Every match was made with a chance of {DOUBTFUL_LINK:.0%} or more of being right."
    )
    if not any(row[3] for row in feeds):
        alone = "No record of one service could be joined with another's: no person is in both."
        return section("linkage", title, opening, alone, *_warnings(material))
    return section("linkage", title, opening, doubt, _joined_chart(feeds), *_warnings(material))


def _joined_chart(feeds: list[tuple[str, int, int, int, int]]) -> Chart:
    names = [feed_name(row[0]) for row in feeds]
    shares = [share(shown(row[3]), shown(row[1])) for row in feeds]
    rows = [
        (name, shown(row[1]), shown(row[2]), share_text(shown(row[3]), shown(row[1])),
         share_text(shown(row[4]), shown(row[1])))
        for name, row in zip(names, feeds, strict=True)
    ]  # fmt: skip
    numbers = table(
        "Records of each service",
        ("Service", "Records", "People", "Joined with another service", "Joined with some doubt"),
        rows,
        (1, 2, 3, 4),
    )

    def draw(figure: Figure, narrow: bool) -> None:
        bars(figure.add_subplot(), names, shares, top=1.0, above=narrow)

    seen = [value for value in shares if value is not None]
    return chart(
        "joined",
        "Share of each service's records that were joined with another service's",
        f"One bar a service. The shares run from {min(seen):.0%} to {max(seen):.0%}."
        if seen
        else "Not shown.",
        draw,
        (0.5 + 0.27 * len(names), 0.5 + 0.42 * len(names)),
        numbers,
    )


def _warnings(material: Material) -> list[Note]:
    said = material.quality.get("warnings") or []
    return [Note(str(text), "warning") for text in said]


def coverage_section(material: Material) -> Section:
    """Whom each service can speak of, and how much of what is asked can't be answered."""
    title = "What can we see, and what can't we?"
    if not material.n_children:
        return section("coverage", title, "No child is known on this day, so nothing can be said here.")
    covered = dict(
        material.rows(
            f"""SELECT feed, count(DISTINCT subject_id) FROM coverage SEMI JOIN children USING (subject_id)
                WHERE start <= DATE '{material.day}' AND ("end" IS NULL OR "end" > DATE '{material.day}')
                GROUP BY feed"""
        )
    )
    needed = sorted({feed for entry in material.catalogue.own for feed in entry.feeds})
    silent = [feed for feed in needed if feed not in covered]
    present = sorted(covered, key=lambda feed: (-covered[feed], feed))
    return section(
        "coverage",
        title,
        "If a service has nothing on a child, that can mean two things. Either there is no need, or the "
        "service has never met the child. eVI keeps these apart. “No” counts only where a service would "
        "know.",
        _covered_chart(material, present, covered) if present else None,
        Note(
            f"Nothing came from {listed([feed_in_text(feed) for feed in silent])} for this day. What only "
            f"{'this service' if len(silent) == 1 else 'these services'} would know is “not known” for every "
            "child.",
            "warning",
        )
        if silent
        else None,
        _answered_chart(material),
    )


def _covered_chart(material: Material, feeds: list[str], covered: dict[str, int]) -> Chart:
    names = [feed_name(feed) for feed in feeds]
    whole = shown(material.n_children)
    shares = [share(shown(covered[feed]), whole) for feed in feeds]
    rows = [
        (name, shown(covered[feed]), share_text(shown(covered[feed]), whole))
        for name, feed in zip(names, feeds, strict=True)
    ]

    def draw(figure: Figure, narrow: bool) -> None:
        bars(figure.add_subplot(), names, shares, top=1.0, above=narrow)

    return chart(
        "covered",
        "Children that each service would know about",
        f"One bar a service: the share of all {whole} children whom it covers on this day. Most: "
        f"{names[0]}. Least: {names[-1]}.",
        draw,
        (0.5 + 0.27 * len(names), 0.5 + 0.42 * len(names)),
        table(
            "Children covered by each service", ("Service", "Children", "Share of all children"), rows, (1, 2)
        ),
    )


def answered_shares(material: Material) -> dict[str, tuple[int, int]]:
    """For each domain: questions that can be answered, and questions that there are for the ages there."""
    ages = material.rows("SELECT age_months, count(*) FROM children GROUP BY age_months")
    asked = dict.fromkeys(material.catalogue.domain_ids, 0)
    for age, n in ages:
        for entry in material.catalogue.applicable(age):
            asked[entry.domain] += n
    sums = ", ".join(f"sum({domain}_assessable)::BIGINT" for domain in asked)
    answered = material.row(f"SELECT {sums} FROM children")
    return {domain: (int(n or 0), asked[domain]) for domain, n in zip(asked, answered, strict=True)}


def _answered_chart(material: Material) -> Chart:
    shares = {domain: pair for domain, pair in answered_shares(material).items() if pair[1]}
    names = [material.catalogue.domain_title(domain) for domain in shares]
    unknown = [1 - n / of for n, of in shares.values()]
    worst = max(zip(unknown, names, strict=True), default=(0.0, ""))

    def draw(figure: Figure, narrow: bool) -> None:
        bars(figure.add_subplot(), names, unknown, top=1.0, above=narrow, colour="#8b8577")

    return chart(
        "unknown",
        "Questions that nobody can answer yet",
        "One bar an area of life: of all questions that could be asked about the children, by their age, the "
        f"share that no service here can answer. Most is unknown in {worst[1]} ({worst[0]:.0%}).",
        draw,
        (0.5 + 0.27 * len(names), 0.5 + 0.42 * len(names)),
        table(
            "Questions that can and can't be answered",
            ("Area of life", "Can be answered", "Can't be answered"),
            [(name, f"{1 - gap:.0%}", f"{gap:.0%}") for name, gap in zip(names, unknown, strict=True)],
            (1, 2),
        ),
    )
