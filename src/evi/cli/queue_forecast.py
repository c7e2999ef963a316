"""`evi queue forecast`: how long the list will be, under a future that is stated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evi.cli.app import HERE, DateOption, DistrictOption, JsonOption
from evi.cli.console import mistakes_explained, out, show_json, show_table
from evi.cli.days import day_asked
from evi.cli.queue import queues_app
from evi.cli.queue_reading import published_series
from evi.index.disclosure import shown
from evi.workspace import District, EviError, replace_file

if TYPE_CHECKING:
    from evi.queues.forecasts.fitting import Estimate, QueueFit
    from evi.queues.forecasts.forecasting import Forecast
    from evi.queues.forecasts.journey_fitting import JourneyFit
    from evi.queues.forecasts.scenarios import Scenario
    from evi.queues.measuring.series import Series


@queues_app.command()
def forecast(
    files: Annotated[list[Path] | None, typer.Argument(help="Published tables, with --published.")] = None,
    district: DistrictOption = HERE,
    pathway: Annotated[
        str | None, typer.Option("--pathway", "-p", help="A pathway of the district's records.")
    ] = None,
    published: Annotated[
        str | None, typer.Option(help="Read published tables instead: camhs (Public Health Scotland).")
    ] = None,
    place: Annotated[str | None, typer.Option(help="Whose list, of a published table.")] = None,
    day: DateOption = None,
    months: Annotated[int, typer.Option(help="How far ahead (1 to 60).")] = 12,
    referrals: Annotated[
        str | None,
        typer.Option(help="+10% of what history gives, or children a month: 120 or 120,130,140."),
    ] = None,
    capacity: Annotated[
        str | None, typer.Option(help="+5% of what history gives, or children seen a month: 95 or 95,100.")
    ] = None,
    limit: Annotated[
        float | None, typer.Option(help="The standard, in weeks of wait (default: the pathway's own, or 18).")
    ] = None,
    as_json: JsonOption = False,
    save: Annotated[Path | None, typer.Option("--out", help="Also write it to a .csv or .json file.")] = None,
) -> None:
    """Forecast a waiting list with an interval that holds, and say what was assumed.

    Example: `evi queue forecast --district my-district --pathway autism --months 12 --capacity +10%`
    """
    with mistakes_explained(as_json=as_json):
        from evi.queues.forecasts.fitting import fit_series  # noqa: PLC0415 - loaded only when asked for
        from evi.queues.forecasts.forecasting import LIMIT_WEEKS  # noqa: PLC0415
        from evi.queues.forecasts.forecasting import forecast as forecast_list  # noqa: PLC0415
        from evi.queues.forecasts.journey_ages import with_journeys  # noqa: PLC0415

        scenario = scenario_of(referrals, capacity)
        if published is not None:
            source = _Source(published_series(published, files or [], place))
        else:
            source = _of_district(district, pathway, day)
        fit = fit_series(source.series, contacts_given=scenario.contacts is not None)
        if source.journeys is not None:
            fit = with_journeys(fit, source.journeys)
        made = forecast_list(fit, scenario, months=months, limit_weeks=limit or source.limit or LIMIT_WEEKS)
        document = _document(fit, made, source)
        if save is not None:
            _save(save, made, document)
        if as_json:
            show_json(document)
        else:
            _show(fit, made, source)
            if save is not None:
                out.print(f"[green]✓[/] written: {save}")


def scenario_of(referrals: str | None, capacity: str | None) -> Scenario:
    """A scenario from what was typed for referrals and capacity."""
    from evi.queues.forecasts.scenarios import Scenario  # noqa: PLC0415

    come, seen = _change("--referrals", referrals), _change("--capacity", capacity)
    told = " and ".join(
        f"{name} {text}" for name, text in (("referrals", referrals), ("capacity", capacity)) if text
    )
    return Scenario(told or "as history", come[0], seen[0], come[1], seen[1])


@dataclass(frozen=True)
class _Source:
    """What is forecast: months of a list, its own limit, and what its children's journeys say.

    Attributes:
        private: it comes from records, so that today's list may be told only roughly.
    """

    series: Series
    private: bool = False
    limit: float | None = None
    journeys: JourneyFit | None = None


def _of_district(district: Path, pathway: str | None, day: str | None) -> _Source:
    from evi.queues.forecasts.journey_fitting import fit_journeys  # noqa: PLC0415
    from evi.queues.measuring.journeys import journeys  # noqa: PLC0415
    from evi.queues.measuring.over_time import by_period  # noqa: PLC0415

    if pathway is None:
        raise EviError(
            "which list is meant?",
            where="--pathway",
            do="Name a pathway, or --published and a --place.",
            exit_code=2,
        )
    opened = District.open(district)
    made = journeys(opened, pathway, day_asked(opened, day))
    series = by_period(made, "month")
    limit = made.clock.last.limit_weeks
    try:
        fit = fit_journeys(
            made.table, made.day, pathway=pathway, missed_on=made.missed_on["missed_on"].to_list()
        )
    except EviError:  # too few weeks, or nobody seen: the months are judged by themselves
        return _Source(series, True, limit)
    return _Source(series, True, limit, fit)


def _change(where: str, text: str | None) -> tuple[float, tuple[float, ...] | None]:
    """“+10%” as a change, “120,130” as numbers that are given."""
    if text is None:
        return 0.0, None
    try:
        if text.strip().endswith("%"):
            return float(text.strip().removesuffix("%")), None
        return 0.0, tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise EviError(
            f"“{text}” is neither a change nor numbers of children.",
            where=where,
            do="Write +10%, 120 or 120,130,140.",
            exit_code=2,
        ) from error


def _document(fit: QueueFit, made: Forecast, source: _Source) -> dict[str, object]:
    return {
        "place": made.place,
        "pathway": made.pathway,
        "scenario": made.scenario.title,
        "assumptions": list(made.assumptions),
        "waiting_now": shown(made.now).number if source.private else made.now,
        "limit_weeks": made.limit_weeks,
        "fitted": [vars(one) for one in fit.estimates],
        "fitted_to_journeys": [vars(one) for one in source.journeys.estimates] if source.journeys else None,
        "notes": list(fit.notes),
        "forecast": made.table().to_dicts(),
    }


def _fitted(one: Estimate) -> dict[str, object]:
    numbers = {name: round(getattr(one, name), 4) for name in ("value", "low", "high")}
    return {
        "what": one.name,
        **{name: f"{number:,.4g}" for name, number in numbers.items()},
        "unit": one.unit,
    }


def _save(path: Path, made: Forecast, document: dict[str, object]) -> None:
    import json  # noqa: PLC0415

    if path.suffix == ".json":
        text = json.dumps(document, indent=1, default=str, ensure_ascii=False) + "\n"
    elif path.suffix == ".csv":
        text = made.table().write_csv()
    else:
        raise EviError(
            "what kind of file is meant?", where="--out", do="End its name in .csv or .json.", exit_code=2
        )
    with replace_file(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


def _show(fit: QueueFit, made: Forecast, source: _Source) -> None:
    title = f"{made.pathway}, {made.place}: fitted to {fit.n_periods} {fit.period}s (80% intervals)"
    show_table(title, [_fitted(one) for one in fit.estimates])
    if source.journeys is not None:
        weeks = (source.journeys.end - source.journeys.first).days // 7
        title = f"The same children one by one, over {weeks} weeks (80% intervals)"
        show_table(title, [_fitted(one) for one in source.journeys.estimates])
    now = shown(made.now) if source.private else f"{made.now:,.0f}"
    middle, within = made.middle(), made.middle("waiting_within")
    bands = {level: made.band(level) for level in (0.5, 0.8, 0.95)}
    rows = []
    for k, day in enumerate(made.starts_on):
        row: dict[str, object] = {
            fit.period: f"{day:%Y-%m}" if fit.period == "month" else str(day),
            "waiting": round(middle[k]),
        }
        for level, (low, high) in bands.items():
            row[f"{level:.0%}"] = f"{low[k]:,.0f} to {high[k]:,.0f}"
        row[f"under {made.limit_weeks:g} weeks"] = f"{within[k]:.0%}"
        rows.append(row)
    show_table(f"Children waiting at each {fit.period}'s end, {made.scenario.title} (now {now})", rows)
    out.print("Assumed:")
    for line in made.assumptions:
        out.print(f"  · {line}", markup=False)
    for line in fit.notes:
        out.print(f"  note: {line}", markup=False)
