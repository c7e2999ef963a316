"""`evi link rotate`: take every code to a new outer key, without clear values."""

from __future__ import annotations

from evi import encoding, linkage
from evi.cli.app import HERE, DistrictOption, JsonOption
from evi.cli.console import mistakes_explained, show_json, show_result
from evi.cli.link import link_app, refuse_unless_linked
from evi.cli.pipeline import ENCODE, LINK
from evi.cli.stages import one_at_a_time, record_again, state_of
from evi.workspace import District, StageResult


@link_app.command("rotate")
def link_rotate(district: DistrictOption = HERE, as_json: JsonOption = False) -> None:
    """Take every code to a new outer key, without clear values and without the agencies' key.

    Codes stolen before can't be compared with codes made after. Everyone keeps their id. Run `evi run` next,
    so that records and index are made of the new codes.

    Example: `evi link rotate --district my-district`
    """
    with mistakes_explained(as_json=as_json):
        opened = District.open(district)
        with one_at_a_time(opened):
            result = rotate(opened)
        if as_json:
            show_json(result)
        else:
            show_result(result, opened.root)


def rotate(district: District) -> StageResult:
    """Transcode what is encoded and linked, and note that both stand as they are.

    Raises:
        EviError: what is encoded is not linked yet.
    """
    refuse_unless_linked(district)
    stages = [ENCODE, LINK] if state_of(ENCODE, district)["state"] == "up to date" else [LINK]
    linkage.forget_learned(district)
    result = StageResult("link rotate", encoding.rotate(district))
    for stage in stages:
        record_again(stage, district, "Codes were taken to a new outer key after run {}.")
    return result
