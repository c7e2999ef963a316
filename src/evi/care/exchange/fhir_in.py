"""Reads a checked FHIR document into a dossier; what it can't take it names, with why, and keeps the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from evi.care.exchange import fhir_words as words
from evi.care.exchange.dossier import (
    Action,
    Author,
    Dossier,
    Finding,
    Identity,
    LeftOut,
    Member,
    Need,
    Outcome,
    Plan,
    Review,
    Words,
)
from evi.care.exchange.faults import Fault

Json = Mapping[str, Any]
Part = TypeVar("Part")


@dataclass
class Read:
    """What a document says, and what of it was not taken."""

    dossier: Dossier
    not_taken: list[Fault] = field(default_factory=list)


class _Unfit(Exception):  # noqa: N818 - it carries a sentence to its place
    """A part that does not say what it should."""


def from_bundle(bundle: Json) -> Read:
    """The dossier of a document that `profile.check_bundle` found no fault with."""
    return _Reader(bundle).read()


class _Reader:
    def __init__(self, bundle: Json) -> None:
        self.bundle = bundle
        self.entries: dict[str, Json] = {}
        for entry in bundle["entry"]:
            resource = entry["resource"]
            self.entries[entry["fullUrl"]] = resource
            if resource.get("id"):
                self.entries.setdefault(f"{resource['resourceType']}/{resource['id']}", resource)
        self.places = {
            id(entry["resource"]): f"entry {number}, {entry['resource']['resourceType']}"
            for number, entry in enumerate(bundle["entry"], start=1)
        }
        self.not_taken: list[Fault] = []

    def read(self) -> Read:
        composition = next(self._of("Composition"), {})
        patient = next(self._of("Patient"))
        made = composition.get("date") or self.bundle.get("timestamp")
        author: Json = next(iter(composition.get("author", [])), {})
        custodian = self._named(composition.get("custodian", {}))
        plans = self._take("CarePlan", self._plan)
        for other in self._of("Condition"):
            self._refuse(other, "a diagnosis is not taken over.")
        dossier = Dossier(
            key=str(self.bundle.get("identifier", {}).get("value", "")),
            sender=custodian or "another system",
            made_at=_moment(made) if made else datetime.fromisoformat("1970-01-01T00:00:00+00:00"),
            made_by=self._author(author),
            identity=_identity(patient),
            words=tuple(self._take("QuestionnaireResponse", self._words)),
            plan=plans[0] if plans else None,
            circle=tuple(member for team in self._of("CareTeam") for member in self._members(team)),
            left_out=tuple(_left_out(composition)),
        )
        return Read(dossier, self.not_taken)

    def _of(self, kind: str) -> Iterator[Json]:
        for entry in self.bundle["entry"]:
            if entry["resource"]["resourceType"] == kind:
                yield entry["resource"]

    def _take(self, kind: str, read: Callable[[Json], Part | None]) -> list[Part]:
        found = [self._one(resource, read) for resource in self._of(kind)]
        return [one for one in found if one is not None]

    def _one(self, resource: Json, read: Callable[[Json], Part | None]) -> Part | None:
        try:
            return read(resource)
        except _Unfit as unfit:
            self._refuse(resource, str(unfit))
        except (KeyError, IndexError, TypeError, AttributeError, ValueError):
            self._refuse(resource, "it does not say all that a part of this kind needs.")
        return None

    def _refuse(self, resource: Json, why: str) -> None:
        place = self.places.get(id(resource), str(resource["resourceType"]))
        self.not_taken.append(Fault(place, why))

    def _at(self, reference: Json) -> Json:
        return self.entries.get(str(reference.get("reference")), {})

    def _named(self, reference: Json) -> str:
        found = self._at(reference)
        name = found.get("name", "")
        if isinstance(name, list):
            name = _name(name[0]) if name else ""
        return str(name or reference.get("display", ""))

    def _author(self, reference: Json) -> Author:
        """Who a reference points at."""
        found = self._at(reference)
        kind = found.get("resourceType")
        if kind == "Patient":
            return Author(str(reference.get("display") or _identity(found).given_name), kind="child")
        if kind == "RelatedPerson":
            return Author(self._named(reference), _text(found.get("relationship")), kind="family")
        if kind == "PractitionerRole":
            name = self._named(found.get("practitioner", {})) or str(reference.get("display", ""))
            return Author(name, _text(found.get("code")), self._named(found.get("organization", {})))
        return Author(self._named(reference) or "not named")

    def _answered(self, response: Json, name: str) -> bool:
        return str(response["questionnaire"]).split("|")[0] == words.canonical("Questionnaire", name)

    def _key(self, resource: Json) -> str:
        identifiers = resource.get("identifier", [])
        for one in [identifiers] if isinstance(identifiers, Mapping) else identifiers:
            if one.get("system") == words.canonical("Id", "part") and one.get("value"):
                return str(one["value"])
        raise _Unfit("it has no identifier of a part, so it could be added twice.")

    def _words(self, response: Json) -> Words | None:
        if self._answered(response, words.NEED) or self._answered(response, words.REVIEW):
            return None
        if not self._answered(response, words.PASSPORT):
            raise _Unfit("it answers a form that is not known here.")
        if response["status"] not in {"completed", "amended"}:
            raise _Unfit("it is not finished, or was entered in error.")
        answers = {item["linkId"]: item for item in response["item"]}
        sections = [each["id"] for each in words.form(words.PASSPORT)["items"] if each["id"] != "pictures"]
        said = [link for link in answers if link in sections]
        pictures = answers.get("pictures", {}).get("answer", [])
        if len(said) != 1 and not (pictures and not said):
            raise _Unfit("it should speak of one section of the passport.")
        if not said:
            raise _Unfit("it has pictures and no section.")
        notes = _notes(response)
        voice = notes.get("voice", "practitioner")
        if voice not in {"child", "parent", "practitioner"}:
            raise _Unfit("whose voice it is, is not known here.")
        return Words(
            key=self._key(response),
            section=said[0],
            voice=voice,
            text=str(_value(answers[said[0]]) or ""),
            author=self._author(response.get("author", {})),
            written_at=_moment(response["authored"]),
            nature=notes.get("nature", "") if notes.get("nature") in {"fact", "opinion"} else "",
            pictures=tuple(str(one["valueString"]) for one in pictures),
            taken_down=bool(notes.get("taken-down")),
            source=str(notes.get("first-written", "")),
        )

    def _plan(self, care_plan: Json) -> Plan:
        responses = [self._at(each) for each in care_plan.get("supportingInfo", [])]
        responses = [one for one in responses if one.get("resourceType") == "QuestionnaireResponse"]
        needs = [self._one(one, self._need) for one in responses if self._answered(one, words.NEED)]
        known = {need.key for need in needs if need}
        goals = [self._at(each) for each in care_plan.get("goal", [])]
        outcomes = [self._one(goal, lambda each: self._outcome(each, known)) for goal in goals if goal]
        reached = {outcome.key for outcome in outcomes if outcome}
        actions = [self._activity(care_plan, one, reached) for one in care_plan.get("activity", [])]
        reviews = [self._one(one, self._review) for one in responses if self._answered(one, words.REVIEW)]
        due = _notes(care_plan).get("review-due")
        return Plan(
            key=self._key(care_plan),
            made_at=_moment(care_plan["created"]),
            author=self._author(care_plan.get("author", {})),
            status=words.backwards(words.PLAN_STATUS).get(care_plan["status"], "open"),
            review_due=date.fromisoformat(due) if due else None,
            needs=tuple(need for need in needs if need),
            outcomes=tuple(outcome for outcome in outcomes if outcome),
            actions=tuple(action for action in actions if action),
            reviews=tuple(review for review in reviews if review),
        )

    def _need(self, response: Json) -> Need:
        said = _said(response)
        return Need(
            key=self._key(response),
            area=said["area"],
            text=said["text"],
            author=self._author(response.get("author", {})),
            at=_moment(response["authored"]),
            strengths=said.get("strengths", ""),
            view=_one_of(said["view"], {"child", "family", "practitioner"}),
            status=_one_of(said["status"], {"open", "met"}),
        )

    def _outcome(self, goal: Json, needs: set[str]) -> Outcome:
        notes = _notes(goal)
        need = self._key(self._at(notes.get("need", {}))) if "need" in notes else ""
        if need not in needs:
            raise _Unfit("it does not say which need of the document it is for.")
        target = goal["target"][0]
        lifecycle = goal["lifecycleStatus"]
        coding: Json = next(iter(goal.get("achievementStatus", {}).get("coding", [])), {})
        achieved = coding.get("code")
        status = words.backwards(words.GOAL_STATUS).get((lifecycle, achieved), "working")
        return Outcome(
            key=self._key(goal),
            need=need,
            text=goal["description"]["text"],
            measure=target["measure"]["text"],
            target=target["detailString"],
            by_when=date.fromisoformat(target["dueDate"]),
            author=self._author(goal.get("expressedBy", {})),
            at=_moment(notes["recorded"]),
            baseline=str(notes.get("baseline", "")),
            status=status,
        )

    def _activity(self, care_plan: Json, activity: Json, outcomes: set[str]) -> Action | None:
        def read(_: Json) -> Action:
            detail, notes = activity["detail"], _notes(activity)
            outcome = self._key(self._at(next(iter(detail.get("goal", [])), {})))
            if outcome not in outcomes:
                raise _Unfit("one of its activities does not say which goal of the document it is for.")
            codes = {
                str(one["system"]).rsplit("/", 1)[-1]: str(one["code"])
                for one in detail.get("code", {}).get("coding", [])
                if str(one.get("system", "")).startswith(words.canonical("CodeSystem"))
            }
            timing = detail["scheduledTiming"]
            bounds = timing["repeat"]["boundsPeriod"]
            performer = next(iter(detail.get("performer", [])), None)
            return Action(
                key=str(notes["key"]),
                outcome=outcome,
                what=detail["description"],
                start=date.fromisoformat(bounds["start"]),
                until=date.fromisoformat(bounds["end"]),
                author=self._author(notes.get("author", {})),
                at=_moment(notes["recorded"]),
                who=self._author(performer) if performer else None,
                how_often=str(timing.get("code", {}).get("text", "")),
                offer=codes.get("offers", ""),
                strategy=codes.get("strategies", ""),
                status=words.backwards(words.ACTION_STATUS).get(detail["status"], "planned"),
            )

        return self._one(care_plan, read)

    def _review(self, response: Json) -> Review:
        said = _said(response)
        findings = []
        for item in response["item"]:
            if item["linkId"] == "finding":
                found = {inner["linkId"]: str(_value(inner) or "") for inner in item["item"]}
                findings.append(Finding(**{"did": ""} | found))
        return Review(
            key=self._key(response),
            cycle=int(said["cycle"]),
            held_on=date.fromisoformat(said["held-on"]),
            summary=said["summary"],
            author=self._author(response.get("author", {})),
            at=_moment(response["authored"]),
            who_came=said.get("who-came", ""),
            child_view=said.get("child-view", ""),
            family_view=said.get("family-view", ""),
            next_due=date.fromisoformat(said["next-due"]) if said.get("next-due") else None,
            findings=tuple(findings),
        )

    def _members(self, team: Json) -> Iterator[Member]:
        for participant in team.get("participant", []):

            def read(_: Json, one: Json = participant) -> Member:
                notes = _notes(one)
                return Member(
                    key=str(notes.get("key", "")),
                    person=self._author(one["member"]),
                    since=date.fromisoformat(one["period"]["start"][:10]),
                    part=_text(one.get("role")),
                    leads=bool(notes.get("leads")),
                )

            if member := self._one(team, read):
                yield member


def _identity(patient: Json) -> Identity:
    names = {one.get("use"): one for one in reversed(patient.get("name", []))}
    official = names.get("official", {})
    numbers = {one.get("system"): str(one.get("value", "")) for one in patient.get("identifier", [])}
    born = str(patient.get("birthDate", ""))
    address: Json = next(iter(patient.get("address", [])), {})
    phones = [one.get("value", "") for one in patient.get("telecom", []) if one.get("system") == "phone"]
    languages = [one.get("language", {}).get("text", "") for one in patient.get("communication", [])]
    return Identity(
        given_name=" ".join(official.get("given", [])),
        family_name=str(official.get("family", "")),
        birth_date=date.fromisoformat(born) if born else None,
        known_as=_name(names.get("usual", {})),
        sex=words.backwards(words.GENDER).get(patient.get("gender"), ""),
        language=next(iter(languages), ""),
        nhs_number=numbers.get(words.system("nhs_number"), ""),
        upn=numbers.get(words.system("upn"), ""),
        address=str(address.get("text", "")),
        postcode=str(address.get("postalCode", "")),
        phone=next(iter(phones), ""),
    )


def _left_out(composition: Json) -> Iterator[LeftOut]:
    for section in composition.get("section", []):
        codes = section.get("code", {}).get("coding", [])
        if "emptyReason" in section and codes:
            reason = section["emptyReason"].get("text", "")
            yield LeftOut(str(codes[0].get("code", "")), str(section.get("title", "")), str(reason))


def _notes(element: Json) -> dict[str, Any]:
    """Our own extensions of an element, by the last part of their address."""
    found: dict[str, Any] = {}
    for extension in element.get("extension", []):
        url = str(extension.get("url"))
        if url.startswith(words.canonical("StructureDefinition")):
            name = url.rsplit("/", 1)[-1]
            found[name] = next((value for key, value in extension.items() if key.startswith("value")), None)
    return found


def _said(response: Json) -> dict[str, str]:
    """The plain answers of a form, by link id."""
    return {item["linkId"]: str(_value(item)) for item in response["item"] if item.get("answer")}


def _value(item: Json) -> Any:
    answers = item.get("answer") or [{}]
    return next((value for key, value in answers[0].items() if key.startswith("value")), None)


def _text(concepts: Any) -> str:
    """The words of the first of several coded concepts."""
    first: Json = next(iter(concepts or []), {})
    coding: Json = next(iter(first.get("coding", [])), {})
    return str(first.get("text") or coding.get("display") or "")


def _name(name: Json) -> str:
    whole = " ".join([*name.get("given", []), str(name.get("family", ""))]).strip()
    return str(name.get("text") or whole)


def _one_of(value: str, allowed: set[str]) -> str:
    if value not in allowed:
        raise _Unfit("one of its answers is not one that the form offers.")
    return value


def _moment(text: Any) -> datetime:
    found = datetime.fromisoformat(str(text))
    if found.tzinfo is None:
        raise _Unfit("one of its times has no time zone.")
    return found
