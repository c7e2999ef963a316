"""The texts of this room's data files that a reader meets, for the catalogues of translations."""

from __future__ import annotations

from collections.abc import Iterator

from evi.care.passports.instruments import instruments, strategies
from evi.care.passports.packs import kinds
from evi.care.passports.parts import parts


def texts() -> Iterator[tuple[str, str]]:
    """File (from `evi/care`) and text, each as the pages ask for it."""
    for part in parts().sections.values():
        for text in (part.title, part.easy, part.faces, *part.prompts.values()):
            if text:
                yield "passports/sections.yaml", text
    for text in parts().pictures.values():
        yield "passports/sections.yaml", text
    for instrument in instruments().values():
        file = f"passports/profiles/{instrument.key}.yaml"
        yield from ((file, text) for text in (instrument.title, instrument.intro, instrument.source))
        for level in instrument.levels:
            yield from ((file, text) for text in (level.adult, level.child))
        yield from ((file, band.title) for band in instrument.bands)
        for domain in instrument.domains.values():
            yield file, domain.title
            yield from ((file, text) for said in domain.descriptors.values() for text in said.values())
    yield from (("passports/strategies.yaml", each.text) for each in strategies())
    for kind in kinds().values():
        yield from (("passports/packs.yaml", text) for text in (kind.title, *kind.checklist.values()))
