"""`build_queue_page`: one waiting list as one HTML file, from its records to the days of its assessments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from evi.index.explanation import day_text
from evi.queues.days.problem import Problem
from evi.queues.days.rota import Rota
from evi.queues.forecasts.forecasting import Forecast
from evi.queues.measuring.inequality import Inequality
from evi.queues.measuring.measures import Snapshot
from evi.queues.measuring.series import Series
from evi.queues.sizing.answers import CapacityAnswer
from evi.queues.sizing.frontier import Clearance, Frontier
from evi.queues.sorting.sorting_audit import Audit
from evi.queues.sorting.worklist import WorkList
from evi.reports.blocks import Section
from evi.reports.build import page_of
from evi.reports.queue_list_sections import coming_section, list_section, sorted_section, unequal_section
from evi.reports.queue_plan_sections import follows_section, needs_section, rota_section, speed_section
from evi.workspace import District, replace_file


@dataclass(frozen=True)
class QueuePage:
    """What a page of one waiting list is made from; a part that is None has no section.

    Attributes:
        found, over_time: the list on the day, and month by month.
        unequal: comparisons of groups.
        coming: the forecast.
        worklist: the list as sorted, with its audit.
        needs: how much each promise needs, the first to be drawn.
        frontier, today: clearing at each speed, and going on as today.
        rota: assessment days with the problem they solve.
    """

    found: Snapshot
    over_time: Series
    unequal: tuple[Inequality, ...] = ()
    coming: Forecast | None = None
    worklist: tuple[WorkList, Audit] | None = None
    needs: tuple[CapacityAnswer, ...] = ()
    frontier: tuple[Frontier, Clearance] | None = None
    rota: tuple[Rota, Problem] | None = None

    @property
    def sections(self) -> list[Section]:
        """Every section that there is something to say in."""
        made = [list_section(self.found, self.over_time)]
        if self.unequal:
            made.append(unequal_section(self.unequal))
        if self.worklist is not None:
            made.append(sorted_section(*self.worklist))
        if self.coming is not None:
            made.append(coming_section(self.coming, self.over_time))
        if self.needs:
            made.append(needs_section(self.needs))
        if self.frontier is not None:
            found, today = self.frontier
            made.append(follows_section(found.chosen or found.clearances[-1], today))
            made.append(speed_section(found))
        if self.rota is not None:
            made.append(rota_section(*self.rota))
        return made


def build_queue_page(district: District, page: QueuePage, path: Path) -> Path:
    """Write the page; the same parts give the same bytes.

    Returns:
        Where it is.
    """
    html = page_of(
        "queue.html.j2",
        page.sections,
        district=district.config.name,
        synthetic=district.config.synthetic,
        pathway=page.found.title,
        day=_day(page.found.day),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as scratch:
        scratch.write_text(html, encoding="utf-8")
    return path


def _day(day: date) -> str:
    return day_text(day)
