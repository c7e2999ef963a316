"""What programs read: children, chronology, passport, circle, plan, shares, who looked."""

from __future__ import annotations

from typing import Annotated

from ninja import Query

from evi.care.accounts.models import Organisation
from evi.care.api import shapes
from evi.care.api.operations import Word, operation
from evi.care.api.plans import plan_out
from evi.care.children import chronology, listing, searching
from evi.care.children.address import Address
from evi.care.children.models import Child, Entry
from evi.care.circles.people import people
from evi.care.door.models import AccessEntry
from evi.care.door.visit import Visit
from evi.care.passports import contributions
from evi.care.passports.models import Revision
from evi.care.passports.shares import shares_of
from evi.sharing.decisions import Decision
from evi.sharing.vocabulary import vocabulary

Page = Annotated[int, Query(ge=1, le=10_000, description="Which page, from 1.")]
SIZE = 50


@operation("GET", "/children", shapes.ChildrenOut)
def children(visit: Visit, page: Page = 1) -> shapes.ChildrenOut:
    """The children whom this token may see, in pages of 25."""
    found = listing.page_of(visit, page)
    return shapes.ChildrenOut(children=[_line(visit, line.child) for line in found.lines], more=found.more)


@operation("POST", "/children/search", shapes.ChildrenOut)
def search(visit: Visit, sent: shapes.SearchIn) -> shapes.ChildrenOut:
    """Find children among those whom this token may find; a search is in the ledger."""
    results = searching.search(visit, searching.Question(sent.text, sent.born))
    visit.learn([hit.child for hit in results.hits])
    lines = [_line(visit, hit.child) for hit in results.hits]
    return shapes.ChildrenOut(children=lines, more=results.more)


@operation("GET", "/children/{child}", shapes.ChildOut, action="view", item="identity")
def child(visit: Visit, child: Child) -> shapes.ChildOut:
    """Who a child is."""
    more = visit.items(child, "view", ["identifiers", "contact"])
    return shapes.ChildOut(
        id=child.public_id,
        given_name=child.given_name,
        family_name=child.family_name,
        known_as=child.known_as or None,
        birth_date=child.birth_date,
        sex=child.sex or None,
        language=child.language or None,
        moved_out_on=child.moved_out_on,
        left_out=left_out(more),
        **_shown(child, more["identifiers"], "nhs_number", "upn"),
        **_shown(child, more["contact"], "address", "postcode", "phone"),
    )


@operation("GET", "/children/{child}/chronology", shapes.ChronologyOut, action="view", item="chronology.*")
def read_chronology(
    visit: Visit, child: Child, page: Page = 1, kind: Annotated[str, Query(pattern=r"^[a-z.-]{0,60}$")] = ""
) -> shapes.ChronologyOut:
    """The chronology across services, as far as this token may read it."""
    if kind in chronology.kinds():
        visit.check(child, "view", kind)
    reading = chronology.read(visit, child)
    rows = reading.entries(chronology.Filters(kind=kind)).select_related("source")
    found = list(rows[(page - 1) * SIZE : page * SIZE + 1])
    return shapes.ChronologyOut(
        entries=[_entry(row, reading.address) for row in found[:SIZE]],
        more=len(found) > SIZE,
        left_out=left_out(dict(reading.closed)),
    )


@operation("GET", "/children/{child}/passport", shapes.PassportOut, action="view", item="passport.*")
def passport(visit: Visit, child: Child) -> shapes.PassportOut:
    """The needs passport: what stands in each section."""
    decisions = {
        f"passport.{each}": visit.decision(child, "view", f"passport.{each}")
        for each in contributions.sections()
    }
    return _passport(visit, child, list(contributions.sections()), decisions)


@operation(
    "GET",
    "/children/{child}/passport/{section}",
    shapes.PassportOut,
    action="view",
    item="passport.{section}",
)
def section(visit: Visit, child: Child, section: Word) -> shapes.PassportOut:
    """One section of the passport."""
    return _passport(visit, child, [section], {})


@operation("GET", "/children/{child}/circle", shapes.CircleOut, action="view", item="circle")
def circle(visit: Visit, child: Child) -> shapes.CircleOut:
    """Who is round the child, and who leads."""
    return shapes.CircleOut(
        people=[
            shapes.PersonOut(
                name=one.name,
                organisation=one.organisation,
                kind=one.kind,
                part=one.part or None,
                since=one.since,
                leads=one.leads,
            )
            for one in people(child, visit.day)
        ]
    )


@operation("GET", "/children/{child}/plan", shapes.PlanOut, action="view", item="plan")
def plan(visit: Visit, child: Child) -> shapes.PlanOut:
    """The open support plan with its needs, outcomes, actions and reviews; 404 if there is none."""
    return plan_out(visit, child)


@operation("GET", "/children/{child}/shares", shapes.SharesOut, action="view", item="circle")
def shares(visit: Visit, child: Child) -> shapes.SharesOut:
    """Which parts were shared with whom, and until when."""
    return shapes.SharesOut(
        shares=[
            shapes.ShareOut(
                id=one.public_id,
                items=one.tie.items,
                organisation=one.tie.organisation.name,
                with_whom=one.tie.user.name if one.tie.user else str(one.tie.team or one.tie.organisation),
                since=one.tie.since,
                last_day=one.tie.until,
                shared_by=one.shared_by_name,
                ended=one.ended_at is not None,
            )
            for one in shares_of(child)
        ]
    )


@operation("GET", "/children/{child}/access", shapes.LooksOut, action="view", item="access-list")
def looks(visit: Visit, child: Child, page: Page = 1) -> shapes.LooksOut:
    """Who looked at this child's record, when and why."""
    rows = AccessEntry.objects.filter(child=child.public_id).order_by("-number")
    found = list(rows[(page - 1) * SIZE : page * SIZE + 1])
    names = dict(
        Organisation.objects.filter(code__in={row.organisation for row in found}).values_list("code", "name")
    )
    roles, purposes = vocabulary().roles, vocabulary().purposes
    return shapes.LooksOut(
        looks=[
            shapes.LookOut(
                at=row.at,
                role=roles[row.role].title if row.role in roles else row.role,
                organisation=names.get(row.organisation, ""),
                action=row.action,
                items=row.permitted,
                refused=row.refused,
                purpose=purposes[row.purpose].title if row.purpose in purposes else row.purpose,
            )
            for row in found[:SIZE]
        ],
        more=len(found) > SIZE,
    )


def left_out(decisions: dict[str, Decision]) -> list[shapes.LeftOutOut]:
    """The items that were refused, with their sentences; what is withheld from one person is not told of."""
    return [
        shapes.LeftOutOut(item=item, sentence=said.sentence)
        for item, said in decisions.items()
        if not said.permitted and said.why != "withheld"
    ]


def words_out(row: Revision, address: Address) -> shapes.WordsOut:
    """What one voice says."""
    return shapes.WordsOut(
        voice=row.voice,
        nature=row.nature or None,
        text=address.hide(row.text),
        pictures=row.pictures,
        author=row.author_name,
        author_role=row.author_role,
        organisation=address.place(row.organisation) if row.organisation else None,
        taken_down=row.taken_down,
        source=row.source or None,
        written_at=row.written_at,
        base=row.number,
    )


def _passport(
    visit: Visit, child: Child, wanted: list[str], decisions: dict[str, Decision]
) -> shapes.PassportOut:
    address = Address.kept_from(visit, child)
    found = contributions.standing(visit, child, wanted)
    return shapes.PassportOut(
        sections={name: [words_out(row, address) for row in rows] for name, rows in found.items()},
        left_out=left_out(decisions),
    )


def _line(visit: Visit, child: Child) -> shapes.ChildLine:
    return shapes.ChildLine(
        id=child.public_id, name=child.name, birth_date=child.birth_date, ties=sorted(visit.ties(child))
    )


def _shown(child: Child, decision: Decision, *names: str) -> dict[str, str | None]:
    return {name: (getattr(child, name) or None) if decision.permitted else None for name in names}


def _entry(row: Entry, address: Address) -> shapes.EntryOut:
    return shapes.EntryOut(
        item=row.item,
        nature=row.nature,
        happened_on=row.happened_on,
        ended_on=row.ended_on,
        title=address.hide(row.title),
        text=address.hide(row.text),
        code=row.code or None,
        source=address.place(row.source),
        author=row.author_name,
        author_role=row.author_role,
        recorded_at=row.recorded_at,
    )
