"""The demonstration's release: the steps of a real district, none of them skipped, by a made-up board.

For synthetic districts alone. Agreements are the shipped examples; what the district must say of its
case-finding is in `demo_answers.yaml`; the decisions stand in the ledger under the name of a made-up board.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evi.workspace import District, EviError, Progress, file_hash

RULE = "autism-eyfsp"
AGREEMENT = "casefinding-release"
PLACES = 40
"""Children whom the made-up team can see in a term."""
BOARD = "made-up board of the demonstration"
ANSWERS = Path(__file__).parent / "demo_answers.yaml"
DECISIONS = {
    "shadow": "To see what it would ask for, in a demonstration",
    "live": "The demonstration's card is complete and no child is real",
}


def check_synthetic(district: District) -> None:
    """Refuse a district of real people.

    Raises:
        EviError: it is one.
    """
    if not district.config.synthetic:
        raise EviError(
            "this district is not made up.",
            where=str(district.root),
            do="Use `evi run`, `evi release` and `evi serve` on it; docs/release.md shows the way.",
            exit_code=2,
        )


def release_demo(district: District, progress: Progress) -> list[dict[str, Any]]:
    """Approve the rule, make its list, and release links, index and list; what stands already is left.

    Returns:
        The manifests of the releases that were made now.

    Raises:
        EviError: the district is not synthetic, or a step is refused.
    """
    from evi.cli.release import plan_of, release_links, release_plan  # noqa: PLC0415 - loaded when asked for
    from evi.records import reference_day  # noqa: PLC0415

    check_synthetic(district)
    _install(district)
    _approve(district, progress)
    day = reference_day(district)
    releases, made = district.outputs / "releases", []
    if not (releases / f"links-{day}").exists():
        made.append(release_links(district, AGREEMENT))
    if not (releases / f"{RULE}-{day}").exists():
        folder = _work_list(district)
        made.append(release_plan(district, plan_of(district, folder, AGREEMENT)))
    return made


def _install(district: District) -> None:
    """The example agreements and the made-up answers, where the district has none of its own."""
    from evi.sharing.agreements import EXAMPLES  # noqa: PLC0415

    agreements = district.root / "agreements"
    if not any(agreements.glob("*.yaml")):
        agreements.mkdir(exist_ok=True)
        for path in sorted(EXAMPLES.glob("*.yaml")):
            shutil.copy(path, agreements / path.name)
    answers = district.root / "casefinding" / "answers.yaml"
    if not answers.is_file():
        answers.parent.mkdir(exist_ok=True)
        shutil.copy(ANSWERS, answers)


def _approve(district: District, progress: Progress) -> None:
    """A complete card of each rule of the family, and the decisions that make it live."""
    from evi.casefinding import life  # noqa: PLC0415
    from evi.casefinding.cards import card as cards  # noqa: PLC0415
    from evi.casefinding.cards.written import JSON, write_card  # noqa: PLC0415
    from evi.casefinding.rules import rules_named  # noqa: PLC0415
    from evi.records import reference_day  # noqa: PLC0415
    from evi.reports.card_page import card_page  # noqa: PLC0415

    rules, day = rules_named(RULE, district), reference_day(district)
    with progress.task("Cards of the rules, and the board's decisions", len(rules)) as step:
        for rule in rules:
            found = life.standing(district, rule)
            if not found.carded:
                made = cards.make_card(district, rule, day)
                cards.check_complete(made)
                where = district.outputs / "casefind-cards" / made.rule
                write_card(made, where, card_page(made))
                now = datetime.now(UTC).isoformat(timespec="seconds")
                cards.note_card(district, made, file_hash(where / JSON), now)
            for state, because in DECISIONS.items():
                if state in life.standing(district, rule).state.may_become:
                    life.decide(district, rule, state, BOARD, because)
            step(1)


def _work_list(district: District) -> Path:
    """The list of the live rules, written for release."""
    from evi.casefinding.finding import find  # noqa: PLC0415
    from evi.casefinding.places_offered import Offered  # noqa: PLC0415
    from evi.casefinding.releasing import release_worklist  # noqa: PLC0415
    from evi.casefinding.worklist import make_worklist  # noqa: PLC0415
    from evi.records import reference_day  # noqa: PLC0415

    found = find(district, RULE, reference_day(district))
    made = make_worklist(district, found, offered=Offered(PLACES))
    return release_worklist(district, made).folder
