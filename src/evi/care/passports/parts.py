"""The parts of the passport and the child's pictures, as `sections.yaml` and `pictures/` have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markupsafe import Markup

from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError
from evi.workspace.declared import check_against, read_yaml

HERE = Path(__file__).parent
SECTIONS = HERE / "sections.yaml"
PICTURES = HERE / "pictures"


@dataclass(frozen=True)
class Part:
    """A section of the passport.

    Attributes:
        easy: its sentence in the easy-read version. prompts: what `child`, `parent`, `fact` and `opinion`
        are asked. faces: the question that a face answers ("" if there is none). choices: the pictures that a
        child can tick.
    """

    key: str
    title: str
    picture: str
    easy: str
    prompts: Mapping[str, str]
    choices: tuple[str, ...]
    faces: str = ""


@dataclass(frozen=True)
class Parts:
    """All sections by key in the order of the page, the words under each picture, and the faces."""

    sections: Mapping[str, Part]
    pictures: Mapping[str, str]
    faces: tuple[str, ...]

    def allowed(self, section: str) -> tuple[str, ...]:
        """The pictures that a child can choose in a section."""
        part = self.sections[section]
        return (self.faces if part.faces else ()) + part.choices


@cache
def parts() -> Parts:
    """What the files say.

    Raises:
        EviError: the file breaks its schema, names a picture that is not drawn, or has other sections than
            the vocabulary, so that nothing would decide who may see them.
    """
    table = read_yaml(SECTIONS)
    check_against(table, HERE / "sections.schema.json", SECTIONS.name)
    made = Parts(
        {
            key: Part(key, **{**row, "choices": tuple(row["choices"])})
            for key, row in table["sections"].items()
        },
        table["pictures"],
        tuple(table["faces"]),
    )
    known = {key.removeprefix("passport.") for key in vocabulary().items if key.startswith("passport.")}
    if known != set(made.sections):
        raise EviError("its sections are not those of the vocabulary.", where=SECTIONS.name, exit_code=2)
    named = [
        *made.faces,
        *(each for part in made.sections.values() for each in (part.picture, *part.choices)),
    ]
    for name in [*named, *made.pictures]:
        if name not in made.pictures or not (PICTURES / f"{name}.svg").exists():
            raise EviError(f"the picture “{name}” has no words or is not drawn.", where=SECTIONS.name)
    return made


@cache
def picture(name: str) -> Markup:
    """The drawing, to stand in a page beside its words; it says nothing to a screen reader by itself."""
    if name not in parts().pictures:
        return Markup("")
    drawn = (PICTURES / f"{name}.svg").read_text(encoding="utf-8").strip()
    return Markup(  # noqa: S704 - our own file
        drawn.replace("<svg ", '<svg class="passport-picture" aria-hidden="true" focusable="false" ', 1)
    )


def chosen_pictures(section: str, names: Iterable[str]) -> tuple[str, ...]:
    """Pictures in the order of the section, each once.

    Raises:
        EviError: one is not a picture of this section, or two faces were chosen.
    """
    names = set(names)
    allowed = parts().allowed(section)
    if not names <= set(allowed):
        raise EviError("this picture is not one of this section.", where="pictures", exit_code=2)
    if len(names & set(parts().faces)) > 1:
        raise EviError("choose one face.", where="pictures", exit_code=2)
    return tuple(name for name in allowed if name in names)
