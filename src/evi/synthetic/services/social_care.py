"""Children's social care: the Standard Safeguarding Dataset and the CIN census in its XML."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from evi.synthetic.calendar import HISTORY_START, NEVER, REFERENCE_DAY, YEAR, Flags, Ints, as_date, day
from evi.synthetic.care import CATEGORIES, NEEDS, SOURCES, Cases
from evi.synthetic.draws import Generator, poisson_rows
from evi.synthetic.services.book import send_persons
from evi.synthetic.world import World, text_ids
from evi.synthetic.writing import Column, Outbox, choose
from evi.workspace import replace_file

SAFEGUARDING_FROM = day(date(2018, 4, 1))
RETURN_LAG = 60  # days after 31 March on which the returns reach the hub
CENSUS_YEARS = range(2022, 2027)  # the hub holds five CIN censuses, of years that ended on 31 March
DISABILITIES = {"physical_disability": "MOB", "learning_disability": "LD", "hearing": "HEAR", "vision": "VIS",
                "autism": "AUT", "adhd": "BEH", "language_delay": "COMM"}  # fmt: skip
CLOSURES = ("RC7", "RC8", "RC9", "RC5", "RC4")
END_REASONS = ("MET", "STEPUP", "WITHDREW", "MOVED", None)


def safeguarding(world: World, cases: Cases, outbox: Outbox) -> None:
    """Write contacts, early help, disabilities and the persons they are about."""
    rng, people = world.rng("safeguarding"), world.people
    contact_child, contact_day, outcome = _contacts(world, cases, rng)
    help_child, help_start, help_end = _early_help(world, rng)
    disabled, kind, known = _disabled(world, cases, rng)
    books = np.unique(np.concatenate([cases.child, contact_child, help_child, disabled]))
    register = world.open_register("ssd", books)
    rows = register.local.gather(register.rows(contact_child))
    columns: dict[str, Column] = {
        "cont_contact_id": text_ids("CON", np.arange(contact_child.size) + 1_000_000),
        "cont_person_id": rows,
        "cont_contact_date": contact_day,
        "cont_contact_source_code": choose(SOURCES, rng.integers(0, len(SOURCES), contact_child.size)),
        "cont_contact_outcome": choose(["NFA", "IAG", "EH", "REF"], outcome),
    }
    outbox.send("ssd_contacts", columns, contact_day)
    columns = {
        "earl_episode_id": text_ids("EH", np.arange(help_child.size) + 400_000),
        "earl_person_id": register.local.gather(register.rows(help_child)),
        "earl_episode_start_date": help_start,
        "earl_episode_end_date": help_end,
        "earl_episode_end_reason": choose(
            END_REASONS, rng.choice(4, help_child.size, p=[0.6, 0.15, 0.2, 0.05])
        ),
    }
    awaits: dict[str, tuple[str, str | None]] = {"earl_episode_end_reason": ("earl_episode_end_date", None)}
    outbox.send("ssd_early_help", columns, help_start, later=("earl_episode_end_date",), awaits=awaits)
    columns = {
        "disa_table_id": text_ids("DIS", np.arange(disabled.size) + 1000),
        "disa_person_id": register.local.gather(register.rows(disabled)),
        "disa_disability_code": kind,
        "disa_recorded_date": known,
    }
    outbox.send("ssd_disability", columns, known)
    opened = cases.opened >= SAFEGUARDING_FROM
    person = np.concatenate([contact_child, help_child, disabled, cases.child[opened]])
    when = np.concatenate([contact_day, help_start, known, cases.opened[opened].astype(np.int64)])
    when = np.maximum(when, people.birth[person])
    ok = (when >= SAFEGUARDING_FROM) & (when <= REFERENCE_DAY)
    send_persons(world, "ssd_persons", "ssd", (person[ok], when[ok]), outbox, stamp="pers_recorded_date")


def _contacts(world: World, cases: Cases, rng: Generator) -> tuple[Ints, Ints, Ints]:
    """A contact before each referral, and twice as many that led to none."""
    people = world.people
    rows = np.flatnonzero(
        (cases.opened >= SAFEGUARDING_FROM + 3) & (cases.opened >= people.birth[cases.child])
    )
    child, when = cases.child[rows], cases.opened[rows].astype(np.int64) - rng.integers(0, 3, rows.size)
    strain = np.exp(0.6 * world.needs.adversity + 0.2 * world.needs.deprivation)[world.family]
    begin = np.maximum(np.maximum(people.birth, people.arrived)[: people.children], SAFEGUARDING_FROM).astype(
        np.int64
    )
    until = np.minimum(people.left[: people.children], REFERENCE_DAY).astype(np.int64)
    rate = 0.05 * strain / strain.mean() * np.clip(until - begin, 0, None) / YEAR
    other = poisson_rows(rng, np.clip(rate, 0, 20))
    days = begin[other] + (rng.random(other.size) * (until - begin)[other]).astype(np.int64)
    outcome = np.concatenate([np.full(rows.size, 3), rng.choice(3, other.size, p=[0.5, 0.35, 0.15])])
    child, when = np.concatenate([child, other]), np.concatenate([when, days])
    order = np.lexsort((outcome, child, when))
    return child[order], when[order], outcome[order]


def _early_help(world: World, rng: Generator) -> tuple[Ints, Ints, Ints]:
    people = world.people
    strain = np.exp(0.5 * world.needs.adversity + 0.3 * world.needs.deprivation)[world.family]
    begin = np.maximum(people.birth[: people.children], people.arrived[: people.children]).astype(np.int64)
    begin = np.maximum(begin, SAFEGUARDING_FROM)
    until = np.minimum(people.left[: people.children], REFERENCE_DAY).astype(np.int64)
    rate = 0.016 * strain / strain.mean() * np.clip(until - begin, 0, None) / YEAR
    child = poisson_rows(rng, np.clip(rate, 0, 5))
    start = begin[child] + (rng.random(child.size) * (until - begin)[child]).astype(np.int64)
    end = np.minimum(start + 40 + rng.gamma(2.0, 95, child.size).astype(np.int64), people.left[child])
    order = np.lexsort((child, start))
    return child[order], start[order], end[order]


def _disabled(world: World, cases: Cases, rng: Generator) -> tuple[Ints, pl.Series, Ints]:
    """Disabilities recorded of children with a case since the dataset began."""
    recent = np.flatnonzero(cases.opened >= SAFEGUARDING_FROM)
    child, first = np.unique(cases.child[recent], return_index=True)
    when = cases.opened[recent][first].astype(np.int64) + 30
    parts: list[tuple[Ints, Ints, Ints]] = []
    for number, name in enumerate(DISABILITIES):
        need = world.needs.child[name]
        rows = np.flatnonzero(need.has[child] & (need.onset[child] < when) & (rng.random(child.size) < 0.4))
        parts.append((child[rows], np.full(rows.size, number), when[rows]))
    who, kind, known = (np.concatenate(column) for column in zip(*parts, strict=True))
    ok = (known <= REFERENCE_DAY) & (known > world.people.birth[who])
    order = np.lexsort((kind[ok], who[ok], known[ok]))
    return who[ok][order], choose(list(DISABILITIES.values()), kind[ok][order]), known[ok][order]


def factors(world: World, cases: Cases) -> tuple[Ints, pl.Series]:
    """Assessment factors: rows of cases and codes, from what is true at the time and mostly noticed."""
    rng, needs, people = world.rng("factors"), world.needs, world.people
    rows = np.flatnonzero(cases.assessed < NEVER)
    child, when = cases.child[rows], cases.assessed[rows]
    family = world.family[child]
    found: list[tuple[Ints, str]] = []

    def note(code: str, true: Flags, seen: float, mistaken: float = 0.01) -> None:
        flags = rng.random(rows.size) < np.where(true, seen, mistaken)
        found.append((rows[flags], code))

    home, own = needs.family, needs.child
    abuse = home["domestic_abuse"].active(family, when)
    note("3A", abuse, 0.45, 0.03)
    note("3B", abuse, 0.70, 0.05)
    note("3C", abuse, 0.05)
    note("4B", home["parental_mental_ill_health"].active(family, when), 0.70, 0.08)
    using = home["parental_substance_use"].active(family, when)
    note("1B", using, 0.45, 0.03)
    note("2B", using, 0.55, 0.03)
    neglect = home["neglect"].active(family, when)
    note("16A", neglect, 0.75, 0.06)
    note("17A", neglect | abuse, 0.35, 0.08)
    note("18C", neglect, 0.12, 0.04)
    note("19C", neglect, 0.06, 0.015)
    note("4A", own["anxiety"].active(child, when) | own["self_harm"].active(child, when), 0.6, 0.03)
    note("5A", own["learning_disability"].has[child], 0.6, 0.01)
    note("6A", own["physical_disability"].has[child], 0.7, 0.005)
    note("15A", own["self_harm"].active(child, when), 0.6, 0.004)
    exploited = own["exploitation"].active(child, when)
    teens = when - people.birth[child] > 11 * YEAR
    note("11A", exploited, 0.35, 0.002)
    note("24A", exploited, 0.45, 0.002)
    note("13A", exploited, 0.30, 0.002)
    note("10A", exploited, 0.40, 0.004)
    note("14A", teens & (needs.adversity[family] > 1), 0.25, 0.02)
    note("7A", teens, 0.04, 0.005)
    codes = [code for _, code in found]
    row = np.concatenate([part for part, _ in found])
    label = np.concatenate([np.full(len(part), number) for number, (part, _) in enumerate(found)])
    order = np.lexsort((label, row))
    return row[order], choose(codes, label[order])


def census(world: World, cases: Cases, outbox: Outbox) -> None:
    """Write the CIN census of each year: every case open at any time in it, in the return's XML."""
    ssd = world.registers["ssd"]
    books = np.unique(cases.child)
    world.open_register("cin", books, style=lambda _n: ssd.local.gather(ssd.rows(books)))
    factor_row, factor_code = factors(world, cases)
    for year in CENSUS_YEARS:
        first, last = day(date(year - 1, 4, 1)), day(date(year, 3, 31))
        rows = np.flatnonzero(
            (cases.opened <= last) & (cases.closed >= first) & (cases.opened >= HISTORY_START)
        )
        if rows.size == 0 or not outbox.wants(last + RETURN_LAG):
            continue
        inside = np.isin(factor_row, rows)
        text = _message(
            world, cases, rows, (factor_row[inside], factor_code.filter(pl.Series(inside))), last, year
        )
        with replace_file(outbox.root / "cin" / f"cin_census_{year}.xml") as scratch:
            scratch.write_text(text, encoding="utf-8")
        outbox.count("cin_referral", rows.size)


def _tag(name: str, values: pl.Series) -> pl.Series:
    """`<name>value</name>` for each value; nothing where it is null."""
    text = values.cast(pl.String)
    made = f"<{name}>" + text + f"</{name}>"
    return made.fill_null("")


def _days(days: Ints, last: int) -> pl.Series:
    """ISO dates of days up to `last`; null afterwards (it had not happened yet)."""
    series = pl.Series(np.asarray(days).astype(np.int32)).cast(pl.Date)
    return series.set(series > as_date(last), None).cast(pl.String)


def _grouped(text: pl.Series, group: Ints, wanted: Ints) -> pl.Series:
    """The texts of each group joined in order, for every number in `wanted` (nothing where a group is
    empty)."""
    joined = (
        pl.DataFrame({"group": group, "text": text})
        .group_by("group", maintain_order=True)
        .agg(pl.col("text").str.join(""))
    )
    table = pl.DataFrame({"group": wanted}).join(joined, on="group", how="left", maintain_order="left")
    return table["text"].fill_null("")


def _message(
    world: World, cases: Cases, rows: Ints, factor: tuple[Ints, pl.Series], last: int, year: int
) -> str:
    details = _details(world, cases, rows, factor, last)
    child = np.unique(cases.child[rows])
    register = world.registers["cin"]
    who = register.rows(child)
    column = register.identity_of
    rng = world.rng("cin disability")
    born = column("date_of_birth", "", who)
    unborn = pl.Series(world.people.birth[child] > last)
    parts, kinds = [], []
    for name, code in DISABILITIES.items():
        need = world.needs.child[name]
        hit = need.has & (rng.random(need.has.size) < 0.4)
        mine = child[hit[child] & (need.onset[child] < last)]
        parts.append(mine)
        kinds += [code] * mine.size
    disabled = np.concatenate(parts)
    order = np.argsort(disabled, kind="stable")
    disability = _grouped(
        _tag("Disability", pl.Series(kinds, dtype=pl.String).gather(order)), disabled[order], child
    )
    characteristics = _tag("Ethnicity", column("ethnicity", "ethnicity_dfe", who))
    wrapped = "<Disabilities>" + disability + "</Disabilities>"
    characteristics = characteristics + wrapped.zip_with(disability != "", pl.Series([""]))
    text = (
        "<Child><ChildIdentifiers>"
        + _tag("LAchildID", register.local.gather(who))
        + _tag("UPN", column("upn", "", who))
        + _tag("PersonBirthDate", born.set(unborn, None).cast(pl.String))
        + _tag("ExpectedPersonBirthDate", born.set(~unborn, None).cast(pl.String))
        + _tag("GenderCurrent", column("sex", "sex_digits", who))
        + "</ChildIdentifiers><ChildCharacteristics>"
        + characteristics
        + "</ChildCharacteristics>"
        + _grouped(details, cases.child[rows], child)
        + "</Child>\n"
    )
    head = (
        f"<Message>\n<Header><CollectionDetails><Collection>CIN</Collection><Year>{year}</Year>"
        f"<ReferenceDate>{as_date(last).isoformat()}</ReferenceDate></CollectionDetails>"
        "<Source><SourceLevel>L</SourceLevel><LEA>997</LEA><SoftwareCode>eVI synthetic</SoftwareCode>"
        "</Source></Header>\n<Children>\n"
    )
    return head + "".join(text.to_list()) + "</Children>\n</Message>\n"


def _details(world: World, cases: Cases, rows: Ints, factor: tuple[Ints, pl.Series], last: int) -> pl.Series:
    """The `CINdetails` of each case, as known on `last`."""
    rng = world.rng("cin details")
    reason = choose(CLOSURES, rng.choice(5, len(cases.child), p=[0.5, 0.25, 0.15, 0.07, 0.03])).gather(rows)
    closed = _days(cases.closed[rows], last)
    reason = reason.set(closed.is_null(), None)
    assessed = cases.assessed[rows]
    done = _days(assessed, last)
    found = _grouped(_tag("AssessmentFactors", factor[1]), factor[0], rows)
    opened = cases.opened[rows]
    assessment = (
        "<Assessments>"
        + _tag("AssessmentActualStartDate", _days(opened, last))
        + _tag("AssessmentAuthorisationDate", done)
        + "<FactorsIdentifiedAtAssessment>"
        + found.zip_with(found != "", pl.Series(["<AssessmentFactors>21</AssessmentFactors>"]))
        + "</FactorsIdentifiedAtAssessment></Assessments>"
    ).zip_with(done.is_not_null(), pl.Series([""]))
    start = _days(cases.plan_start[rows], last)
    category = choose(CATEGORIES, cases.category[rows])
    plan = (
        "<ChildProtectionPlans>"
        + _tag("CPPstartDate", start)
        + _tag("CPPendDate", _days(cases.plan_end[rows], last))
        + _tag("InitialCategoryOfAbuse", category)
        + _tag("LatestCategoryOfAbuse", category)
        + "<NumberOfPreviousCPP>0</NumberOfPreviousCPP></ChildProtectionPlans>"
    ).zip_with(start.is_not_null(), pl.Series([""]))
    asked = _days(cases.enquiry[rows], last)
    met = _days(cases.conference[rows], last)
    enquiry = (
        "<Section47>"
        + _tag("S47ActualStartDate", asked)
        + _tag("DateOfInitialCPC", met)
        + _tag("ICPCnotRequired", pl.Series(["true", "false"]).gather(met.is_not_null().cast(pl.Int64)))
        + "</Section47>"
    ).zip_with(asked.is_not_null(), pl.Series([""]))
    return (
        "<CINdetails>"
        + _tag("CINreferralDate", _days(opened, last))
        + _tag("ReferralSource", choose(SOURCES, cases.source[rows]))
        + _tag("PrimaryNeedCode", choose(NEEDS, cases.need[rows]))
        + _tag("CINclosureDate", closed)
        + _tag("ReasonForClosure", reason)
        + _tag("ReferralNFA", pl.Series(["false", "true"]).gather(cases.nfa[rows].astype(np.int64)))
        + assessment
        + plan
        + enquiry
        + "</CINdetails>"
    )
