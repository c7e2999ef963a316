"""Writes a dossier as a FHIR R4 document: a Bundle of UK Core resources, led by a Composition.

Nothing of it says or needs a diagnosis: a need is an answered form and not a Condition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from evi.care.exchange import fhir_words as words
from evi.care.exchange.dossier import Action, Author, Dossier, Member, Need, Outcome, Plan, Review, Words

Json = dict[str, Any]


def to_bundle(dossier: Dossier) -> Json:
    """The document. The same dossier always gives the same document."""
    return _Writer(dossier).bundle()


class _Writer:
    """Collects the entries of one document; people and services that are named twice are written once."""

    def __init__(self, dossier: Dossier) -> None:
        self.dossier = dossier
        self.entries: dict[str, Json] = {}
        self.patient = words.urn("Patient", dossier.key)

    def bundle(self) -> Json:
        said = self.dossier
        composition = words.urn("Composition", said.key)
        self.entries[composition] = {}
        self._add(self.patient, _patient(said))
        for name in self._forms():
            self._add(words.urn("Questionnaire", name), _questionnaire(name))
        sections = [
            self._section("passport", "Needs passport", [self._words(each) for each in said.words]),
            self._section("plan", "Support plan", self._plan(said.plan) if said.plan else []),
            self._section("circle", "The circle", [self._circle(said.circle)] if said.circle else []),
            *(
                {
                    "title": left.title,
                    "code": _code("items", left.item),
                    "emptyReason": {
                        "coding": [{"system": words.system("empty_reason"), "code": "withheld"}],
                        "text": left.sentence,
                    },
                }
                for left in said.left_out
            ),
        ]
        self.entries[composition] = {
            "resourceType": "Composition",
            "status": "final",
            "type": _code("documents", "needs-passport", "Needs passport and support plan"),
            "subject": {"reference": self.patient},
            "date": said.made_at.isoformat(),
            "author": [self._person(said.made_by)],
            "title": "Needs passport and support plan",
            "custodian": self._service(said.sender),
            "section": [section for section in sections if section],
        }
        return {
            "resourceType": "Bundle",
            "identifier": {"system": words.canonical("Id", "document"), "value": said.key},
            "type": "document",
            "timestamp": said.made_at.isoformat(),
            "entry": [{"fullUrl": url, "resource": resource} for url, resource in self.entries.items()],
        }

    def _forms(self) -> list[str]:
        plan = self.dossier.plan
        wanted = {
            words.PASSPORT: bool(self.dossier.words),
            words.NEED: bool(plan and plan.needs),
            words.REVIEW: bool(plan and plan.reviews),
        }
        return [name for name, used in wanted.items() if used]

    def _add(self, url: str, resource: Json) -> Json:
        """Put an entry in, with its profile; gives a reference to it."""
        kind = resource["resourceType"]
        if words.profile(kind):
            resource = {"resourceType": kind, "meta": {"profile": [words.profile(kind)]}} | resource
        self.entries.setdefault(url, resource)
        return {"reference": url}

    def _section(self, code: str, title: str, entries: list[Json]) -> Json:
        return {"title": title, "code": _code("sections", code), "entry": entries} if entries else {}

    def _service(self, name: str) -> Json:
        return self._add(words.urn("Organization", name), {"resourceType": "Organization", "name": name})

    def _person(self, author: Author) -> Json:
        """A reference to who somebody is: the child, a relative, or a practitioner in a role."""
        if author.kind == "child":
            return {"reference": self.patient, "display": author.name}
        key = (author.kind, author.name, author.role, author.organisation)
        if author.kind == "family":
            resource: Json = {
                "resourceType": "RelatedPerson",
                "patient": {"reference": self.patient},
                "name": [{"text": author.name}],
                "relationship": [{"text": author.role}] if author.role else None,
            }
            return self._add(words.urn("RelatedPerson", *key), _without_empty(resource))
        person = self._add(
            words.urn("Practitioner", author.name),
            {"resourceType": "Practitioner", "name": [{"text": author.name}]},
        )
        role = {
            "resourceType": "PractitionerRole",
            "practitioner": person,
            "organization": self._service(author.organisation) if author.organisation else None,
            "code": [{"text": author.role}] if author.role else None,
        }
        return self._add(words.urn("PractitionerRole", *key), _without_empty(role)) | {"display": author.name}

    def _answers(self, name: str, key: str, author: Author, at: datetime, **more: Any) -> Json:
        """An answered form, without its answers."""
        return {
            "resourceType": "QuestionnaireResponse",
            "identifier": _identifier(key),
            "questionnaire": words.form_address(name),
            "status": "completed",
            "subject": {"reference": self.patient},
            "authored": at.isoformat(),
            "author": self._person(author),
        } | more

    def _words(self, said: Words) -> Json:
        items = [_answer(said.section, "valueString", said.text)]
        if said.pictures:
            items.append(
                {"linkId": "pictures", "answer": [{"valueString": picture} for picture in said.pictures]}
            )
        response = self._answers(words.PASSPORT, said.key, said.author, said.written_at, item=_present(items))
        response["extension"] = [
            _note("voice", "valueCode", said.voice),
            *([_note("nature", "valueCode", said.nature)] if said.nature else []),
            *([_note("taken-down", "valueBoolean", True)] if said.taken_down else []),
            *([_note("first-written", "valueString", said.source)] if said.source else []),
        ]
        if said.voice == "child":
            response["source"] = {"reference": self.patient}
        return self._add(words.urn("words", said.key), response)

    def _plan(self, plan: Plan) -> list[Json]:
        needs = {need.key: self._need(need) for need in plan.needs}
        goals = {outcome.key: self._goal(outcome, needs) for outcome in plan.outcomes}
        reviews = [self._review(review) for review in plan.reviews]
        care_plan = {
            "resourceType": "CarePlan",
            "identifier": [_identifier(plan.key)],
            "status": words.PLAN_STATUS[plan.status],
            "intent": "plan",
            "title": "Support plan",
            "subject": {"reference": self.patient},
            "created": plan.made_at.isoformat(),
            "author": self._person(plan.author),
            "period": {"start": plan.made_at.date().isoformat()},
            "supportingInfo": [*needs.values(), *reviews],
            "goal": list(goals.values()),
            "activity": [self._activity(action, goals) for action in plan.actions],
        }
        if plan.review_due:
            care_plan["extension"] = [_note("review-due", "valueDate", plan.review_due.isoformat())]
        found = self._add(words.urn("CarePlan", plan.key), _without_empty(care_plan))
        offers = [self._request(action, found, plan) for action in plan.actions if action.offer]
        return [found, *goals.values(), *needs.values(), *reviews, *offers]

    def _need(self, need: Need) -> Json:
        items = [
            _answer("area", "valueString", need.area),
            _answer("text", "valueString", need.text),
            _answer("strengths", "valueString", need.strengths),
            _answer("view", "valueString", need.view),
            _answer("status", "valueString", need.status),
        ]
        made = self._answers(words.NEED, need.key, need.author, need.at, item=_present(items))
        return self._add(words.urn("need", need.key), made)

    def _goal(self, outcome: Outcome, needs: Mapping[str, Json]) -> Json:
        lifecycle, achievement = words.GOAL_STATUS[outcome.status]
        goal = {
            "resourceType": "Goal",
            "identifier": [_identifier(outcome.key)],
            "extension": [
                _note("need", "valueReference", needs[outcome.need]),
                _note("recorded", "valueDateTime", outcome.at.isoformat()),
                *([_note("baseline", "valueString", outcome.baseline)] if outcome.baseline else []),
            ],
            "lifecycleStatus": lifecycle,
            "achievementStatus": {"coding": [{"system": words.system("achievement"), "code": achievement}]},
            "description": {"text": outcome.text},
            "subject": {"reference": self.patient},
            "target": [
                {
                    "measure": {"text": outcome.measure},
                    "detailString": outcome.target,
                    "dueDate": outcome.by_when.isoformat(),
                }
            ],
            "expressedBy": self._person(outcome.author),
        }
        return self._add(words.urn("Goal", outcome.key), goal)

    def _activity(self, action: Action, goals: Mapping[str, Json]) -> Json:
        timing = {"repeat": {"boundsPeriod": _period(action.start, action.until)}}
        if action.how_often:
            timing["code"] = {"text": action.how_often}  # type: ignore[dict-item]
        detail = {
            "code": _catalogue(action),
            "status": words.ACTION_STATUS[action.status],
            "goal": [goals[action.outcome]],
            "description": action.what,
            "scheduledTiming": timing,
            "performer": [self._person(action.who)] if action.who else None,
        }
        return {
            "extension": [
                _note("key", "valueString", action.key),
                _note("recorded", "valueDateTime", action.at.isoformat()),
                _note("author", "valueReference", self._person(action.author)),
            ],
            "detail": _without_empty(detail),
        }

    def _request(self, action: Action, plan: Json, whole: Plan) -> Json:
        status = {"planned": "active", "under-way": "active", "done": "completed", "stopped": "revoked"}
        request = {
            "resourceType": "ServiceRequest",
            "identifier": [_identifier(action.key)],
            "basedOn": [plan],
            "status": status[action.status],
            "intent": "plan",
            "code": (_catalogue(action) or {}) | {"text": action.what},
            "subject": {"reference": self.patient},
            "occurrencePeriod": _period(action.start, action.until),
            "authoredOn": action.at.isoformat(),
            "requester": self._person(action.author),
        }
        return self._add(words.urn("ServiceRequest", action.key), request)

    def _review(self, review: Review) -> Json:
        items: list[Json | None] = [
            _answer("cycle", "valueInteger", review.cycle),
            _answer("held-on", "valueDate", review.held_on.isoformat()),
            _answer("who-came", "valueString", review.who_came),
            _answer("child-view", "valueString", review.child_view),
            _answer("family-view", "valueString", review.family_view),
            _answer("summary", "valueString", review.summary),
            _answer("next-due", "valueDate", review.next_due.isoformat() if review.next_due else ""),
        ]
        for found in review.findings:
            inner = [
                _answer(name, "valueString", getattr(found, name))
                for name in ("action", "tried", "did", "effect", "verdict")
            ]
            items.append({"linkId": "finding", "item": _present(inner)})
        made = self._answers(words.REVIEW, review.key, review.author, review.at, item=_present(items))
        return self._add(words.urn("review", review.key), made)

    def _circle(self, members: Iterable[Member]) -> Json:
        participants = []
        for member in members:
            notes = [_note("key", "valueString", member.key)]
            if member.leads:
                notes.append(_note("leads", "valueBoolean", True))
            participant = {
                "extension": notes,
                "role": [{"text": member.part}] if member.part else None,
                "member": self._person(member.person),
                "period": {"start": member.since.isoformat()},
            }
            participants.append(_without_empty(participant))
        team = {
            "resourceType": "CareTeam",
            "status": "active",
            "name": "The circle",
            "subject": {"reference": self.patient},
            "participant": participants,
        }
        return self._add(words.urn("CareTeam", self.dossier.key), team)


def _patient(said: Dossier) -> Json:
    who = said.identity
    identifiers = []
    if who.nhs_number:
        status = {"system": words.system("nhs_number_status"), "code": "02"}
        status["display"] = "Number present but not traced"
        identifiers.append(
            {
                "extension": [
                    {
                        "url": words.system("nhs_number_status_extension"),
                        "valueCodeableConcept": {"coding": [status]},
                    }
                ],
                "system": words.system("nhs_number"),
                "value": who.nhs_number,
            }
        )
    if who.upn:
        identifiers.append({"system": words.system("upn"), "value": who.upn})
    name = {"use": "official", "family": who.family_name, "given": [who.given_name]}
    address = {"use": "home", "text": who.address, "postalCode": who.postcode}
    patient = {
        "resourceType": "Patient",
        "identifier": identifiers,
        "name": [name, *([{"use": "usual", "text": who.known_as}] if who.known_as else [])],
        "telecom": [{"system": "phone", "value": who.phone}] if who.phone else None,
        "gender": words.GENDER.get(who.sex, "unknown"),
        "birthDate": who.birth_date.isoformat() if who.birth_date else None,
        "address": [_without_empty(address)] if who.address or who.postcode else None,
        "communication": [{"language": {"text": who.language}}] if who.language else None,
    }
    return _without_empty(patient)


def _questionnaire(name: str) -> Json:
    def item(declared: Mapping[str, Any]) -> Json:
        made = {"linkId": declared["id"], "text": declared["text"], "type": declared["type"]}
        if declared["type"] == "group" or declared["id"] == "pictures":
            made["repeats"] = True
        if "items" in declared:
            made["item"] = [item(below) for below in declared["items"]]
        return made

    declared = words.form(name)
    return {
        "resourceType": "Questionnaire",
        "url": words.canonical("Questionnaire", name),
        "version": declared["version"],
        "name": "".join(part.title() for part in name.split("-")),
        "title": declared["title"],
        "status": "draft",
        "subjectType": ["Patient"],
        "item": [item(each) for each in declared["items"]],
    }


def _identifier(key: str) -> Json:
    return {"system": words.canonical("Id", "part"), "value": key}


def _code(kind: str, code: str, text: str = "") -> Json:
    made: Json = {"coding": [{"system": words.canonical("CodeSystem", kind), "code": code}]}
    return made | {"text": text} if text else made


def _catalogue(action: Action) -> Json | None:
    codings = [
        {"system": words.canonical("CodeSystem", kind), "code": code}
        for kind, code in (("offers", action.offer), ("strategies", action.strategy))
        if code
    ]
    return {"coding": codings} if codings else None


def _note(name: str, kind: str, value: Any) -> Json:
    return {"url": words.canonical("StructureDefinition", name), kind: value}


def _answer(link: str, kind: str, value: Any) -> Json | None:
    return None if value == "" else {"linkId": link, "answer": [{kind: value}]}


def _present(items: Iterable[Json | None]) -> list[Json]:
    return [item for item in items if item is not None]


def _period(start: date, until: date) -> Json:
    return {"start": start.isoformat(), "end": until.isoformat()}


def _without_empty(resource: Json) -> Json:
    """FHIR has no empty values: what is empty is left out."""
    return {key: value for key, value in resource.items() if value not in (None, "", [], {})}
