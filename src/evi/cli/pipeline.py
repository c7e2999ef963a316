"""The stages from extracts to report, in the order in which each needs the one before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evi import encoding, index, indicators, linkage, records, reports
from evi.cli.days import index_date
from evi.cli.stages import Stage, files
from evi.linkage import gate, learned
from evi.workspace import District, Progress, StageResult

ON_DRAWS = Path("draws", "index.parquet")


def _layouts(district: District) -> list[Path]:
    return files(*(district.root / folder for folder in district.config.layouts))


def _registry(district: District) -> list[Path]:
    return files(*(district.root / folder for folder in district.config.registry))


def _encode(district: District, _params: Mapping[str, Any], progress: Progress) -> StageResult:
    return encoding.encode(district, encoding.Keys.from_environment(district), progress)


def _link(district: District, _params: Mapping[str, Any], progress: Progress) -> StageResult:
    return linkage.link(district, progress)


def _draws(district: District, params: Mapping[str, Any], progress: Progress) -> StageResult:
    from evi.linkage.draws import make_draws  # noqa: PLC0415 - polars, which no other verb here needs

    return make_draws(district, int(params["draws"]), progress=progress)


def _load(district: District, _params: Mapping[str, Any], progress: Progress) -> StageResult:
    return records.load(district, progress)


def _index(district: District, params: Mapping[str, Any], progress: Progress) -> StageResult:
    spans = indicators.refresh_spans(district, progress)
    at = index.index_at(district, index_date(district, params), progress)
    return StageResult("index", spans.rows | at.rows, spans.notes + at.notes, spans.figures | at.figures)


def _index_draws(district: District, params: Mapping[str, Any], progress: Progress) -> StageResult:
    from evi.index.on_draws import index_draws  # noqa: PLC0415 - polars, which no other verb here needs

    return index_draws(district, index_date(district, params), progress)


def _report(district: District, params: Mapping[str, Any], progress: Progress) -> StageResult:
    path = reports.build_report(district, index_date(district, params), progress)
    return StageResult("report", {"bytes": path.stat().st_size})


def _index_files(district: District, params: Mapping[str, Any]) -> list[Path]:
    """The spans, and the tables of the day that was looked at; those of other days belong to other runs."""
    day = index.at_folder(district, index_date(district, params))
    others = set(district.index.glob("at-*")) | {district.index / "panel"}
    return files(*(path for path in sorted(district.index.iterdir()) if path == day or path not in others))


def _spine(district: District) -> list[Path]:
    """What a spine is to those who come after it; what was learned is the linkage's own."""
    return files(district.spine, keep=lambda path: path.name not in learned.FILES)


ENCODE = Stage(
    name="encode",
    title="Encode extracts at the agency",
    reads=lambda d: files(d.extracts, d.reference) + _layouts(d),
    writes=lambda d, _params: files(d.encoded),
    run=_encode,
    params=lambda d: {"key": encoding.key_ids(d, encoding.Keys.from_environment(d))},
)
LINK = Stage(
    name="link",
    title="Link records into people and homes",
    reads=lambda d: files(
        *(d.encoded / part for part in ("linkage", "about", "relations")),
        d.geography / "areas.csv",
        d.root / "linkage",
    ),
    writes=lambda d, _params: files(d.spine),
    run=_link,
    keeps=True,
    forget=linkage.forget_learned,
    passes=linkage.check_gate,
)
DRAWS = Stage(
    name="draws",
    title="Draw plausible spines",
    reads=_spine,
    writes=lambda d, _params: files(d.root / "draws", keep=lambda path: path != d.root / ON_DRAWS),
    run=_draws,
)
INDEX_DRAWS = Stage(
    name="index-draws",
    title="Count the index on draws of the links",
    reads=lambda d: (
        files(d.records, d.root / "draws", keep=lambda path: path != d.root / ON_DRAWS)
        + _spine(d)
        + _registry(d)
    ),
    writes=lambda d, _params: files(d.root / ON_DRAWS),
    run=_index_draws,
    ready=linkage.check_gate,
)
LOAD = Stage(
    name="load",
    title="Load events",
    reads=lambda d: files(d.encoded / "payload", d.encoded / "deliveries.json") + _spine(d) + _layouts(d),
    writes=lambda d, _params: files(d.records),
    run=_load,
    ready=linkage.check_gate,
)
INDEX = Stage(
    name="index",
    title="Work out the index",
    reads=lambda d: files(d.records) + _spine(d) + _registry(d),
    writes=_index_files,
    run=_index,
    ready=linkage.check_gate,
)
REPORT = Stage(
    name="report",
    title="Write the report",
    reads=lambda d: (
        files(d.index, d.records, d.geography, d.rejects, d.runs / gate.ACCEPTED, d.root / ON_DRAWS)
        + _spine(d)
    ),
    writes=lambda d, _params: files(d.outputs / "report.html"),
    run=_report,
    ready=linkage.check_gate,
)
STAGES = (ENCODE, LINK, LOAD, INDEX, REPORT)
