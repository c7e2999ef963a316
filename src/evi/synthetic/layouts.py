"""The published layouts of feeds, as far as a sender needs them: field order, formats and identity fields."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml


@dataclass(frozen=True)
class Layout:
    """One table that a feed delivers (`spec`: its YAML)."""

    name: str
    feed: str
    spec: dict[str, Any]

    @property
    def fields(self) -> list[dict[str, Any]]:
        """Fields in the order of the file."""
        return list(self.spec["fields"])

    def field(self, name: str) -> dict[str, Any]:
        """One field's specification."""
        return next(field for field in self.fields if field["name"] == name)

    def codes(self, name: str) -> str:
        """Name of the shared code list of a field, or nothing."""
        codes = self.field(name).get("codes", "")
        return codes if isinstance(codes, str) else ""

    def _person(self, role: str) -> dict[str, Any]:
        return next(person for person in self.spec["persons"] if person["role"] == role)

    def identifies(self, role: str) -> dict[str, str]:
        """Identity kinds that the layout carries about `role`, and their fields."""
        return dict(self._person(role).get("identifies", {}))

    def local_id(self, role: str) -> str:
        """The field with the local id of `role`."""
        return str(self._person(role)["local_id"])


@cache
def load(name: str) -> Layout:
    """Read a layout that eVI ships."""
    path = resources.files("evi.feeds").joinpath("layouts", f"{name}.yaml")
    spec: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Layout(name, str(spec["feed"]), spec)
