"""Reading agreements: files held against the schema, words spelled out, and what is missing told.

A file that can't be read, or that uses a word that there isn't, is an error: nothing is opened. A file that
can be read but is unsigned, incomplete, or rests on a gateway that is off, is kept and permits nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from evi.sharing.agreement import NONE_NEEDED, Agreement, Clause, Party, Signature
from evi.sharing.gateways import Gateway
from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError
from evi.workspace.declared import check_against, read_yaml

HERE = Path(__file__).parent
EXAMPLES = HERE / "examples"
SCHEMA = HERE / "agreement.schema.json"
OFFENCES = {"chronology.police", "chronology.domestic-abuse-notice"}


@cache
def ten_steps() -> dict[str, str]:
    """The questions that each agreement answers, by key."""
    return dict(read_yaml(HERE / "steps.yaml"))


def load_agreements(folders: Iterable[Path], gateways: Mapping[str, Gateway]) -> tuple[Agreement, ...]:
    """Every agreement of the folders (`*.yaml`, not below them), in order of number and name.

    Raises:
        EviError: there is no such folder, a file breaks the schema or names what there isn't, or two
            agreements have one name or one number.
    """
    found: dict[str, Agreement] = {}
    for folder in folders:
        if not folder.is_dir():
            raise EviError("there is no such folder of agreements.", where=str(folder), exit_code=2)
        for path in sorted(folder.glob("*.yaml")):
            agreement = read_agreement(path, gateways)
            if agreement.name in found or agreement.number in {each.number for each in found.values()}:
                raise EviError(
                    f"the agreement {agreement.name} (number {agreement.number}) is there twice.",
                    where=str(path),
                    do="Keep one version in the folder; older ones belong elsewhere.",
                    exit_code=2,
                )
            found[agreement.name] = agreement
    return tuple(sorted(found.values(), key=lambda each: (each.number, each.name)))


def read_agreement(path: Path, gateways: Mapping[str, Gateway]) -> Agreement:
    """One agreement from its file.

    Raises:
        EviError: see `load_agreements`.
    """
    return make_agreement(read_yaml(path), gateways, where=str(path))


def make_agreement(table: Any, gateways: Mapping[str, Gateway], *, where: str = "agreement") -> Agreement:
    """An agreement from what its file says.

    Raises:
        EviError: see `load_agreements`.
    """
    table = json.loads(json.dumps(table, default=str))
    check_against(table, SCHEMA, where)
    for place, word in _unknown_words(table, gateways):
        raise EviError(
            f"{place} names “{word}”, which there isn't.",
            where=where,
            do="Correct it; `evi agreement list --words` shows every word.",
            exit_code=2,
        )
    try:
        agreement = _agreement(table, gateways, where)
    except ValueError as error:
        raise EviError(
            "a day is not one of the calendar.", where=where, do=str(error), exit_code=2
        ) from error
    except EviError as error:
        raise EviError(error.what, where=where, do=error.do, exit_code=2) from error
    faults, notes = tuple(faults_of(agreement)), tuple(_notes_of(agreement))
    return Agreement(**{**vars(agreement), "faults": faults, "notes": notes})


def faults_of(agreement: Agreement) -> Iterator[str]:
    """What is missing or can't be, as sentences; each alone makes the agreement permit nothing."""
    words = vocabulary()
    for party in agreement.parties:
        if words.organisations[party.kind].signs and party.signed is None:
            yield f"{party.name}: not signed."
    for key in ten_steps():
        if not agreement.steps.get(key, "").strip():
            yield f"The step “{key}” is not answered."
    for key in sorted(set(agreement.steps) - set(ten_steps())):
        yield f"“{key}” is none of the ten steps."
    if not agreement.start < agreement.end:
        yield "It ends before it starts."
    if not agreement.start <= agreement.review <= agreement.end:
        yield "Its review is not between its start and its end."
    yield from _gateway_faults(agreement)
    yield from _clause_faults(agreement)


def _gateway_faults(agreement: Agreement) -> Iterator[str]:
    kinds = {party.kind for party in agreement.parties}
    used = {purpose for clause in agreement.clauses for purpose in clause.purposes}
    for gateway in agreement.gateways:
        if not gateway.live:
            yield f"It rests on {gateway.title}, which is off: {gateway.why_off or 'no first day is known'}"
        for kind in sorted(set(gateway.organisations) - kinds):
            yield f"{gateway.title} needs a party of kind {kind}."
        if not any(gateway.serves(purpose) for purpose in used):
            yield f"{gateway.title} can't serve its purposes. {gateway.not_for}".strip()
    for kinds_needed, purpose in ((k, p) for p in sorted(used) for k in _needed(agreement, p)):
        serving = [each for each in agreement.gateways if each.kind in kinds_needed and each.serves(purpose)]
        if not serving:
            yield f"No {' or '.join(kinds_needed)} among its gateways serves the purpose {purpose}."


def _needed(agreement: Agreement, purpose: str) -> list[tuple[str, ...]]:
    items = {item for each in agreement.clauses if purpose in each.purposes for item in each.items}
    special = any(vocabulary().items[item].special for item in items)
    return [("power", "duty"), ("article-6",), *([("article-9",)] if special else [])]


def _clause_faults(agreement: Agreement) -> Iterator[str]:
    words = vocabulary()
    parties = {party.kind for party in agreement.parties}
    for clause in agreement.clauses:
        for kind in clause.organisations:
            if words.organisations[kind].signs and kind not in parties:
                yield f"Clause {clause.id} is about {kind}, which is no party."
        for item in clause.items:
            held = words.items[item].held_by
            if held and not parties & set(held):
                yield f"Clause {clause.id} shares {item}, but no party brings it ({', '.join(held)})."
        if not any(
            role in clause.roles and kind in clause.organisations for role, kind in words.placements()
        ):
            yield f"Clause {clause.id} is about nobody: none of its roles is found in its organisations."
        if not clause.relationships and set(clause.purposes) - {"governance", "emergency"}:
            yield f"Clause {clause.id} needs no relationship, which only governance and an emergency may do."
    if not any(clause.consent_needed for clause in agreement.clauses):
        based = [each.title for each in agreement.gateways if each.consent == "is-the-basis"]
        yield from (f"It rests on {title}, but no clause asks for consent." for title in based)


def _notes_of(agreement: Agreement) -> Iterator[str]:
    for gateway in agreement.gateways:
        if gateway.checked != "verified":
            yield f"{gateway.title}: its wording here is to be checked by your adviser."


def _unknown_words(table: Mapping[str, Any], gateways: Mapping[str, Gateway]) -> Iterator[tuple[str, str]]:
    words = vocabulary()
    known: dict[str, Mapping[str, object]] = {
        "organisations": words.organisations,
        "roles": words.roles,
        "actions": words.actions,
        "relationships": {NONE_NEEDED: None, **words.relationships},
        "purposes": words.purposes,
    }
    yield from (("purposes", each) for each in table["purposes"] if each not in words.purposes)
    yield from (("gateways", each) for each in table["gateways"] if each not in gateways)
    yield from (
        ("parties", each["kind"]) for each in table["parties"] if each["kind"] not in words.organisations
    )
    ids = [clause["id"] for clause in table["clauses"]]
    yield from (("clauses (each id once)", each) for each in ids if ids.count(each) > 1)
    for clause in table["clauses"]:
        for name, there in known.items():
            said = clause.get(name, [])
            for word in [said] if isinstance(said, str) else said:
                if word not in there:
                    yield f"clause {clause['id']}, {name},", word


def _agreement(table: Mapping[str, Any], gateways: Mapping[str, Gateway], where: str) -> Agreement:
    return Agreement(
        name=table["name"],
        number=table["number"],
        version=table["version"],
        title=table["title"],
        summary=table["summary"],
        purposes=tuple(table["purposes"]),
        parties=tuple(_party(row) for row in table["parties"]),
        gateways=tuple(gateways[each] for each in table["gateways"]),
        also_honours=tuple(table.get("also_honours", ())),
        clauses=tuple(_clause(row, table["purposes"]) for row in table["clauses"]),
        retention=table["retention"],
        start=date.fromisoformat(table["start"]),
        review=date.fromisoformat(table["review"]),
        end=date.fromisoformat(table["end"]),
        steps=dict(table["steps"]),
        path=where,
    )


def _party(row: Mapping[str, Any]) -> Party:
    signed = row.get("signed")
    signature = Signature(signed["by"], signed["role"], date.fromisoformat(signed["day"])) if signed else None
    return Party(row["kind"], row["name"], tuple(row.get("organisations", ())), signature)


def _clause(row: Mapping[str, Any], purposes: list[str]) -> Clause:
    tied = row["relationships"]
    return Clause(
        id=row["id"],
        sentence=row["sentence"],
        organisations=tuple(row["organisations"]),
        roles=tuple(row["roles"]),
        actions=tuple(row["actions"]),
        items=vocabulary().items_matching(row["items"]),
        relationships=() if tied == NONE_NEEDED else tuple(tied),
        purposes=tuple(row.get("purposes", purposes)),
        consent_needed=row["consent"] == "needed",
        event_codes=tuple(row.get("event_codes", ())),
    )
