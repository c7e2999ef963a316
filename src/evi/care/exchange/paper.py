"""The Individual Support Plan on paper: what the page and the PDF show."""

from __future__ import annotations

from datetime import date
from typing import Any, NoReturn

from django.template.loader import render_to_string
from django.utils import translation

from evi.care.assets_build import OWN
from evi.care.exchange import isp
from evi.care.exchange.dossier import Dossier
from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError


def contents(dossier: Dossier, layer: str) -> dict[str, Any]:
    """What the template needs: words by section, needs with what belongs to them, what was left out."""
    plan = dossier.plan
    outcomes = plan.outcomes if plan else ()
    actions = plan.actions if plan else ()
    needs = [
        (
            need,
            [
                (goal, [one for one in actions if one.outcome == goal.key])
                for goal in outcomes
                if goal.need == need.key
            ],
        )
        for need in (plan.needs if plan else ())
    ]
    titles = {key.removeprefix("passport."): item.title for key, item in vocabulary().items.items()}
    sections = dict.fromkeys(said.section for said in dossier.words)
    return {
        "dossier": dossier,
        "layer": layer,
        "review_by": date.fromisoformat(isp.to_isp(dossier, layer)["review_by"]),
        "notice": isp.NOTICE,
        "sections": [
            (titles[name], [said for said in dossier.words if said.section == name]) for name in sections
        ],
        "needs": needs,
        "reviews": plan.reviews if plan else (),
    }


def as_pdf(context: dict[str, Any]) -> bytes:
    """A tagged PDF (PDF/UA).

    Raises:
        EviError: the library for text layout (Pango) is not on this machine.
    """
    try:
        from weasyprint import CSS, HTML  # noqa: PLC0415 - half a second, for those who print only
    except OSError as error:
        raise EviError(
            "PDF files can't be made on this machine: Pango is not installed.",
            do="Print the page from the browser, or install Pango.",
        ) from error
    text = render_to_string(
        "exchange/isp_file.html", {**context, "language_now": translation.get_language()}, using="jinja2"
    )
    style = CSS(string=(OWN / "exchange.css").read_text(encoding="utf-8"))
    made: bytes = HTML(string=text, url_fetcher=_nothing).write_pdf(
        stylesheets=[style], pdf_variant="pdf/ua-1"
    )
    return made


def _nothing(url: str, *_args: object, **_more: object) -> NoReturn:
    raise ValueError("no address is fetched for a PDF")
