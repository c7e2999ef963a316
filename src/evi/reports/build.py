"""`build_report`: the report of a district as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from evi.index import Catalogue
from evi.index.disclosure import share, shown
from evi.index.explanation import day_text
from evi.reports.blocks import Block, Fact, Facts, Section
from evi.reports.check_section import check_section, refused_section
from evi.reports.child_section import children_section
from evi.reports.fairness_section import fairness_section
from evi.reports.index_sections import domains_section, hidden_note, index_section, trends_section
from evi.reports.material import Material
from evi.reports.pattern_sections import patterns_section
from evi.reports.people_sections import coverage_section, linkage_section
from evi.reports.place_section import places_section
from evi.workspace import District, Progress, replace_file

FILE = "report.html"


def build_report(
    district: District, day: date, progress: Progress, *, children: bool | None, catalogue: Catalogue | None
) -> Path:
    """See `evi.reports.build_report`."""
    show = district.config.synthetic if children is None else children
    material = Material.read(district, day, progress, catalogue)
    makers = (
        linkage_section,
        fairness_section,
        coverage_section,
        index_section,
        domains_section,
        trends_section,
        patterns_section,
        places_section,
        lambda found: children_section(found, show=show),
        refused_section,
        check_section,
    )
    sections: list[Section] = []
    try:
        with progress.task("Report", len(makers)) as advance:
            for make in makers:
                sections.append(make(material))
                advance(1)
        page = render(material, sections)
    finally:
        material.close()
    path = district.outputs / FILE
    with replace_file(path) as scratch:
        scratch.write_text(page, encoding="utf-8")
    return path


def render(material: Material, sections: list[Section]) -> str:
    """The page, from its sections."""
    return page_of(
        "report.html.j2",
        sections,
        opening(material),
        district=material.district.config.name,
        synthetic=material.district.config.synthetic,
        day=day_text(material.day),
    )


def page_of(template: str, sections: list[Section], opening: Sequence[Block] = (), **words: object) -> str:
    """A page from a template that extends `page.html.j2`.

    Args:
        opening: blocks before the first section.
        words: what else the template names.
    """
    environment = Environment(
        loader=PackageLoader("evi.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_curly,
    )
    styles = (Path(__file__).parent / "templates" / "report.css").read_text(encoding="utf-8")
    return environment.get_template(template).render(
        sections=sections,
        opening=opening,
        styles=Markup(styles),  # noqa: S704 - our own file
        svg=Markup,
        **words,
    )


def _curly(value: object) -> object:
    """Straight apostrophes of our own text as printers set them."""
    return value.replace("'", "’") if isinstance(value, str) and not isinstance(value, Markup) else value


def opening(material: Material) -> list[Block]:
    """Headline figures."""
    n, known = shown(material.n_children), shown(material.n_known)
    with_need = shown(
        material.count("SELECT count(*) FROM children WHERE band <> 'not enough known' AND n_present > 0")
    )
    families = material.count("SELECT count(*) FROM families WHERE address_kind = 'family'")
    over = shown(material.count("SELECT count(*) FROM families WHERE supporting_families"))
    enough, needy = share(known, n), share(with_need, known)
    facts = [Fact(str(n), "children and young people are known to services here")]
    facts.append(
        Fact(
            "not shown" if enough is None else f"{enough:.0%}",
            "of them: enough is known for an index",
        )
    )
    facts.append(
        Fact("not shown" if needy is None else f"{needy:.0%}", "of those have one need or more on record")
    )
    if families:
        facts.append(Fact(str(over), "families have needs in three or more areas of life"))
    return [Facts(tuple(facts)), hidden_note()]
