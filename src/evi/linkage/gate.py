"""The gate: a run of linkage that is unfair or unlikely beyond a limit waits until someone accepts it.

Limits are data (`gate.yaml`; a district's own `linkage/limits.yaml` goes before it). What passes a limit is
a finding, written to `spine/gate.json` with the spine itself: the spine is whole, and everything after it
waits. An acceptance names a reason and a role, and holds for exactly those findings: figures that change need
a new one. See docs/decisions/ for why.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from jsonschema.exceptions import best_match

from evi.linkage.fairness import Rate, difference
from evi.workspace import District, EviError, replace_file

WAITS = 5
"""What `evi` ends with when a finding waits to be accepted."""
LIMITS = Path("linkage", "limits.yaml")
"""A district's own limits, relative to its folder."""
FINDINGS = "gate.json"
ACCEPTED = "accepted.jsonl"

_SAID = {
    "missed": "of matches are thought to be missed",
    "wrong": "of matches are thought to be false",
    "held_out": "of records with the same verified number would not have been joined without it",
    "unlike": "of records with the same verified number write the forename or the birth date differently",
}


@dataclass(frozen=True)
class Finding:
    """One limit that was passed.

    Attributes:
        rule: which limit, such as `groups.held_out`.
        about: whom it is about (dimension, group and feed), empty for the whole.
        figure, limit: what was found (with its surer end) and what is allowed.
        says: the same in a sentence.
        do: what to look at.
    """

    rule: str
    about: Mapping[str, str]
    figure: float
    limit: float
    says: str
    do: str


def limits_of(district: District) -> dict[str, Any]:
    """The limits that hold for a district: eVI's own, and over them the district's.

    Raises:
        EviError: the district's file is not what the schema asks for.
    """
    return _merged(_shipped(), _own(district.root / LIMITS))


@cache
def _shipped() -> dict[str, Any]:
    return dict(yaml.safe_load(_read("gate.yaml")))


def _read(name: str) -> str:
    return resources.files("evi.linkage").joinpath(name).read_text(encoding="utf-8")


def _own(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise EviError("it is not YAML.", where=str(path), do="See docs/linkage-fairness.md.") from error
    wrong = best_match(
        jsonschema.Draft202012Validator(json.loads(_read("gate.schema.json"))).iter_errors(given)
    )
    if wrong is not None:
        where = "/".join(map(str, wrong.absolute_path)) or "the whole"
        raise EviError(
            f"{where}: it is not a limit that eVI knows, or not of the right kind.",
            where=str(path),
            do="See evi/linkage/gate.schema.json for what may be said.",
        )
    return dict(given)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    return {name: dict(below[name]) | dict(above.get(name) or {}) for name in below}


def findings(
    fairness: Mapping[str, Any], audit: Mapping[str, Any], limits: Mapping[str, Any]
) -> list[Finding]:
    """Every limit that a run passes.

    Args:
        fairness: the content of `fairness.json`.
        audit: `audit` of `quality.json`.
        limits: from `limits_of`.
    """
    found = [*_audit(audit, limits["audit"]), *_children(fairness, limits["children"])]
    watched = limits["groups"]
    for entries, own, name in (
        (fairness["groups"], watched, "groups"),
        (fairness["cells"], limits["feeds"], "feeds"),
    ):
        for entry in entries:
            if entry["dimension"] in watched["dimensions"] and entry["group"] not in watched["leave_out"]:
                found += _of_group(entry, own, name)
    return found


def _audit(audit: Mapping[str, Any], limits: Mapping[str, Any]) -> Iterator[Finding]:
    expected, possible = float(audit["expected_matches"]), float(audit["most_possible_matches"])
    most = limits["expected_over_possible"]
    if expected > most * possible > 0:
        yield Finding(
            "audit.expected_over_possible", {}, round(expected / possible, 4), most,
            f"The model expects {expected:,.0f} matches, and the feeds can hold at most {possible:,.0f}.",
            "It is most likely taking brothers and sisters for one child. Look at spine/model.json.",
        )  # fmt: skip
    odd, confident = audit["confident_links_with_other_forename_and_birth_date"], audit["confident_links"]
    rate = Rate(odd, confident, confident)
    if confident >= limits["smallest"] and rate.interval(limits["sure"])[0] > limits["contradicted"]:
        yield Finding(
            "audit.contradicted", {}, round(rate.value, 4), limits["contradicted"],
            f"{odd:,} of {confident:,} confident links join records with another forename and another birth "
            f"date: {rate.value:.1%}, and the limit is {limits['contradicted']:.1%}.",
            "Brothers and sisters are most likely being merged. Do not use this spine before someone has "
            "looked at spine/model.json.",
        )  # fmt: skip


def _children(fairness: Mapping[str, Any], limits: Mapping[str, Any]) -> Iterator[Finding]:
    ages = [g for g in fairness["groups"] if g["dimension"] == "age" and g["group"] in limits["ages"]]
    false = [group["wrong"] for group in ages if "wrong" in group]
    wrong, joined, weight = (sum(one[key] for one in false) for key in ("count", "of", "effective"))
    rate = Rate(wrong, joined, weight)
    if joined and rate.interval()[0] > limits["wrong"]:
        yield Finding(
            "children.wrong", {}, round(rate.value, 4), limits["wrong"],
            f"{rate.value:.1%} of children's matches are expected to be false, and the limit is "
            f"{limits['wrong']:.1%}.",
            "One child's facts would stand on another's page. Look at the links near the threshold with "
            "evi link review.",
        )  # fmt: skip


def _of_group(entry: Mapping[str, Any], limits: Mapping[str, Any], rule: str) -> Iterator[Finding]:
    if entry["records"] < limits["smallest"]:
        return
    for measure, words in _SAID.items():
        if measure not in limits or "rest" not in entry.get(measure, {}):
            continue
        mine, rest = (
            Rate(one["count"], one["of"], one["effective"])
            for one in (entry[measure], entry[measure]["rest"])
        )
        gap, low, _high = difference(mine, rest, limits["sure"])
        if low <= limits[measure]:
            continue
        about = {name: str(entry[name]) for name in ("feed", "dimension", "group") if name in entry}
        where = f"In {about['feed']}, of" if "feed" in about else "Of"
        yield Finding(
            f"{rule}.{measure}", about, round(gap, 4), limits[measure],
            f"{where} {about['dimension']} {about['group']}: {mine.value:.1%} {words}, and {rest.value:.1%} "
            f"of the rest. That is {100 * gap:.1f} points more (at least {100 * low:.1f}); the limit is "
            f"{100 * limits[measure]:.1f}.",
            f"Ask {about.get('feed', 'the services')} how names, birth dates and numbers of these people are "
            "written down, and look at them in spine/fairness.json.",
        )  # fmt: skip


def written(found: Sequence[Finding], limits: Mapping[str, Any]) -> dict[str, Any]:
    """The content of `gate.json`; its `mark` changes with every figure in it, and is empty if all is well."""
    plain = [asdict(finding) for finding in found]
    text = json.dumps(plain, sort_keys=True)
    mark = hashlib.blake2b(text.encode(), digest_size=8).hexdigest() if found else ""
    return {"mark": mark, "findings": plain, "limits": dict(limits)}


def read_gate(district: District) -> dict[str, Any]:
    """What the spine that stands found; nothing where there is no spine."""
    path = district.spine / FINDINGS
    if not path.is_file():
        return {"mark": "", "findings": []}
    return dict(json.loads(path.read_text(encoding="utf-8")))


def acceptances(district: District) -> list[dict[str, Any]]:
    """Every acceptance so far, oldest first: mark, findings, reason, by and when."""
    path = district.runs / ACCEPTED
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def accepted(district: District) -> dict[str, Any] | None:
    """The acceptance of what the spine that stands found, if there is one."""
    mark = read_gate(district)["mark"]
    return next((one for one in acceptances(district) if mark and one["mark"] == mark), None)


def check(district: District) -> None:
    """Let pass what no limit holds back, or what someone has accepted.

    Raises:
        EviError: a finding waits (exit code 5).
    """
    gate = read_gate(district)
    if not gate["findings"] or accepted(district) is not None:
        return
    says = [str(finding["says"]) for finding in gate["findings"]]
    more = f" And {len(says) - 3} more." if len(says) > 3 else ""
    raise EviError(
        " ".join(says[:3]) + more,
        where=f"linkage of {district.config.name} (spine/{FINDINGS})",
        do=f"{gate['findings'][0]['do']} Then put it right and run again; or, if it can be lived with, say "
        'why: evi link accept --reason "…" --by ROLE.',
        exit_code=WAITS,
    )


def accept(district: District, reason: str, by: str) -> dict[str, Any]:
    """Write down that someone accepts what the spine that stands found, and why.

    Raises:
        EviError: nothing waits, it is accepted already, or the reason or the role is empty.
    """
    gate = read_gate(district)
    if not gate["findings"]:
        raise EviError(
            "there is nothing to accept: no limit is passed.", where=str(district.spine), exit_code=2
        )
    if accepted(district) is not None:
        raise EviError("this has been accepted already.", where=str(district.runs / ACCEPTED), exit_code=2)
    for name, text, least in (("reason", reason, 10), ("by", by, 2)):
        if len(text.strip()) < least:
            raise EviError(
                f"the {name} says too little.",
                where=f"--{name}",
                do=f"Give {least} letters or more.",
                exit_code=2,
            )
    entry = {
        "mark": gate["mark"],
        "rules": sorted({str(finding["rule"]) for finding in gate["findings"]}),
        "says": [finding["says"] for finding in gate["findings"]],
        "reason": reason.strip(),
        "by": by.strip(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    before = acceptances(district)
    with replace_file(district.runs / ACCEPTED) as scratch:
        lines = (json.dumps(one, sort_keys=True, ensure_ascii=False) for one in [*before, entry])
        scratch.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return entry
