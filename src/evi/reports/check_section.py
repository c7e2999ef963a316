"""Sections on what was refused, and on how anyone can check the report."""

from __future__ import annotations

from dataclasses import dataclass

from evi.index import at_folder
from evi.reports.blocks import Note, Section, section, table
from evi.reports.material import Material
from evi.reports.words import feed_name
from evi.workspace import Manifest, RunLedger, file_hash, quote

STAGES = ("new", "check", "encode", "link", "load", "index")
"""Stages before the report, in order."""
MOST_REASONS = 15


def refused_section(material: Material) -> Section:
    """Rows that readers could not take, by service and reason."""
    title = "What was turned away?"
    found = sorted(material.district.rejects.rglob("*.csv"))
    notes = [
        note for manifest in _manifests(material) for note in manifest.notes if "refused" in note.lower()
    ]
    rows: list[tuple[str, str, int]] = []
    if found:
        files = ", ".join(quote(str(path)) for path in found)
        rows = [
            (str(feed), str(reason), int(n))
            for feed, reason, n in material.rows(
                f"""SELECT feed, reason, count(*) FROM read_csv(
                      [{files}], all_varchar = true, union_by_name = true)
                    GROUP BY ALL ORDER BY count(*) DESC, feed, reason"""
            )
        ]
    if not rows:
        return section(
            "refused",
            title,
            "Nothing. Every row that the services sent could be read.",
            *(Note(note, "warning") for note in notes),
        )
    total = sum(n for _feed, _reason, n in rows)
    return section(
        "refused",
        title,
        f"{total:,} rows could not be used. Each is kept in a file with the reason, so that the service can "
        "put it right. No row is dropped without a trace.",
        table(
            "Rows turned away, by service and reason",
            ("Service", "Reason", "Rows"),
            [(feed_name(feed), reason, f"{n:,}") for feed, reason, n in rows[:MOST_REASONS]],
            (2,),
        ),
        f"And {sum(n for *_names, n in rows[MOST_REASONS:]):,} more rows for {len(rows) - MOST_REASONS} "
        "other reasons."
        if len(rows) > MOST_REASONS
        else None,
        *(Note(note, "warning") for note in notes),
    )


@dataclass(frozen=True)
class _Run:
    stage: str
    mark: str
    inputs: int
    outputs: int
    code: str


def check_section(material: Material) -> Section:
    """What to compare so as to know that these figures came from those records."""
    runs = [
        _Run(m.stage, f"{m.stage}-{m.fingerprint[:8]}", len(m.inputs), len(m.outputs), m.code[:12])
        for m in _manifests(material)
    ]
    folder = at_folder(material.district, material.day)
    hashes = [
        (f"index/{folder.name}/{path.name}", file_hash(path)[:16])
        for path in sorted(folder.glob("*.parquet"))
    ]
    return section(
        "check",
        "How can I check this?",
        "The same records and the same program always give the same report, to the last letter. Each step "
        "writes down what it read, what it wrote and with which program. These are the marks of the steps "
        "behind this report. The names of the files in runs/history end with them.",
        table(
            "Steps behind this report",
            ("Step", "Mark of the run", "Files read", "Files written", "Program"),
            [(run.stage, run.mark, f"{run.inputs:,}", f"{run.outputs:,}", run.code) for run in runs],
            (2, 3),
        )
        if runs
        else Note("No step has written down its run, so these figures can't be traced.", "warning"),
        f"The list of needs has the mark {material.catalogue.digest[:12]}. It holds "
        f"{len(material.catalogue.own)} questions about a child and the home, and "
        f"{len(material.catalogue.of_places)} about schools and areas.",
        "How the bands were set: " + material.catalogue.bands.method.replace("`", ""),
        table("Files of this index and their marks (BLAKE2b)", ("File", "Mark"), hashes),
        Note("To do a step again and compare: evi rerun, with its file from runs/history. To see what "
             "changed between two days or two runs, and why: evi diff."),
    )  # fmt: skip


def _manifests(material: Material) -> list[Manifest]:
    ledger = RunLedger(material.district.root, material.district.runs)
    found = (ledger.latest(stage) for stage in STAGES)
    return [manifest for manifest in found if manifest is not None]
