"""Take a release in: findings for the organisation that was told, by its own record and never by a guess."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from evi.care.accounts.models import Organisation
from evi.care.children.models import LocalRecord, Wish
from evi.care.door import ledger
from evi.care.door.rules import door
from evi.care.findings.models import Finding, Release
from evi.sharing.packages import MANIFEST, RETRACTED, read_manifest, read_package, read_retraction

ITEM = "finding"
OBJECTION, OPT_OUT, ALL = "objection", "opt-out", "all"


@dataclass
class TakenIn:
    """What came of taking one release in, for those who sent it.

    Attributes:
        matched: children who have a finding now. unmatched: records that are not here, which stay a count.
        objected: children left out because the family objected, or opted out.
        not_here: recipients that are no organisation here. retracted: findings that were taken back.
    """

    release: str
    matched: int = 0
    unmatched: int = 0
    objected: int = 0
    already: bool = False
    retracted: int = 0
    not_here: list[str] = field(default_factory=list)


def take_in(folder: Path) -> TakenIn:
    """Take in one release, or its retraction. Again is no harm: what is here already stays as it is.

    Raises:
        EviError: it is no release, or a package is not what was released; nothing of it is taken in.
    """
    manifest = read_manifest(folder)
    taken = TakenIn(manifest["release"])
    retraction = read_retraction(folder)
    here = {each.code: each for each in Organisation.objects.all()}
    with transaction.atomic():
        for code in manifest.get("recipients", {}):
            if code not in here:
                taken.not_here.append(code)
            elif retraction is None:
                _take(read_package(folder, code), here[code], taken)
        if retraction is not None:
            taken.retracted = take_back(manifest["release"], retraction.because, retraction.at)
    return taken


def take_in_all(folder: Path) -> list[TakenIn]:
    """Take in every release of a folder, oldest first; those of links and the index are for a load."""
    found = [path.parent for path in folder.glob(f"*/{MANIFEST}")]
    ordered = sorted(found, key=lambda each: (str(read_manifest(each)["released_at"]), each.name))
    return [take_in(each) for each in ordered if "recipients" in read_manifest(each)]


_seen: dict[Path, frozenset[tuple[str, int]]] = {}


def take_in_new(folder: Path) -> list[TakenIn]:
    """Take in what has come to a folder of releases since this process looked last; else do nothing."""
    marks = [*folder.glob(f"*/{MANIFEST}"), *folder.glob(f"*/{RETRACTED}")]
    state = frozenset((str(path), path.stat().st_mtime_ns) for path in marks)
    if _seen.get(folder) == state:
        return []
    taken = take_in_all(folder)
    _seen[folder] = state
    return taken


def take_back(name: str, because: str, at: datetime) -> int:
    """Take the findings of a release from every screen; they stay as history, and the access list says so.

    Returns:
        How many findings were taken back now.
    """
    with transaction.atomic():
        releases = list(Release.objects.filter(name=name, retracted_at=None).select_related("organisation"))
        count = 0
        for release in releases:
            for finding in release.findings.select_related("child"):
                _note(release, finding.child.public_id, f"release {name} was taken back")
                count += 1
            release.retracted_at, release.retracted_because = at, because[:500]
            release.save(update_fields=["retracted_at", "retracted_because"])
    return count


def _take(package: Mapping[str, Any], organisation: Organisation, taken: TakenIn) -> None:
    release, new = Release.objects.get_or_create(
        name=package["release"],
        organisation=organisation,
        defaults={
            "agreement": package["agreement"],
            "clause": package["clause"],
            "gateway": package["gateway"],
            "rules": package["rules"],
            "run_id": package["run"],
            "question": package["question"],
            "limits": package.get("limits", []),
            "released_at": datetime.fromisoformat(package["released_at"]),
            "n_sent": len(package["children"]),
        },
    )
    if not new:
        taken.already = True
        return
    held = _held(organisation, package["children"])
    objecting = _objecting(package["agreement"], held.values())
    findings: dict[int, Finding] = {}
    unmatched = 0
    for row in package["children"]:
        record = held.get((row["feed"], row["code"]))
        if record is None:
            unmatched += 1
        elif record.child_id in objecting:
            taken.objected += 1
        else:
            findings.setdefault(record.child_id, _finding(release, record, row))
    Finding.objects.bulk_create(findings.values(), batch_size=1_000)
    for finding in findings.values():
        _note(release, finding.child.public_id, f"release {release.name}: a finding came from the hub")
    release.n_unmatched = unmatched
    release.save(update_fields=["n_unmatched"])
    taken.matched += len(findings)
    taken.unmatched += unmatched


def _held(
    organisation: Organisation, rows: Iterable[Mapping[str, Any]]
) -> dict[tuple[str, str], LocalRecord]:
    """The organisation's own records by feed and code."""
    feeds = {row["feed"] for row in rows}
    records = LocalRecord.objects.filter(organisation=organisation, feed__in=feeds).select_related("child")
    return {(each.feed, each.code): each for each in records}


def _objecting(agreement: str, records: Iterable[LocalRecord]) -> set[int]:
    """Children whose family's wish the agreement honours."""
    found = door().agreement(agreement)
    kinds = [kind for kind in (OBJECTION, OPT_OUT) if found.honours(kind)]
    today = timezone.localdate()
    wishes = Wish.objects.live(today).filter(
        Q(about__in=[ALL, agreement]) | Q(kind=OPT_OUT),
        kind__in=kinds,
        child__in={r.child_id for r in records},
    )
    return set(wishes.values_list("child_id", flat=True))


def _finding(release: Release, record: LocalRecord, row: Mapping[str, Any]) -> Finding:
    return Finding(
        child=record.child,
        release=release,
        reasons=row["reasons"],
        withheld=row["withheld"],
        not_known=row["not_known"],
        next_step=row["next_step"],
        waiting_since=date.fromisoformat(row["waiting_since"]) if row["waiting_since"] else None,
    )


def _note(release: Release, child: str, words: str) -> None:
    ledger.append(
        actor=ledger.SYSTEM,
        action="release",
        organisation=release.organisation.code,
        child=child,
        permitted=(ITEM,),
        purpose="direct-support",
        agreement=release.agreement,
        clause=release.clause,
        note=words,
    )
