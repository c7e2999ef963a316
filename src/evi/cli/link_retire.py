"""`evi link retire`: delete the codes of identities once they are linked."""

from __future__ import annotations

from evi import encoding, linkage
from evi.cli.app import HERE, DistrictOption, JsonOption
from evi.cli.console import TerminalProgress, mistakes_explained, show_json, show_result
from evi.cli.link import link_app, refuse_unless_linked
from evi.cli.pipeline import ENCODE, LINK
from evi.cli.stages import one_at_a_time, record_again, run_stage
from evi.workspace import District, StageResult


@link_app.command("retire")
def link_retire(district: DistrictOption = HERE, as_json: JsonOption = False) -> None:
    """Delete the codes of identities, which are not needed once records are linked.

    Who is who stays in the spine. When a delivery changes, `evi run` makes all codes again, links, and gives
    everyone the id that they had. Deleting a file does not wipe a disk or a backup.

    Example: `evi link retire --district my-district`
    """
    with mistakes_explained(as_json=as_json):
        opened = District.open(district)
        with one_at_a_time(opened):
            result = retire(opened)
        if as_json:
            show_json(result)
        else:
            show_result(result, opened.root)


def retire(district: District) -> StageResult:
    """Delete the codes and what was learned from them, and note that encoding and linking stand as they are.

    Raises:
        EviError: what is encoded is not linked yet.
    """
    refuse_unless_linked(district)
    linkage.forget_learned(district)
    result = encoding.retire_codes(district, encoding.read_deliveries(district))
    run_stage(ENCODE, district, TerminalProgress())
    record_again(LINK, district, "The codes that this was linked from were deleted after run {}.")
    return result
