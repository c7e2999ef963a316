"""The district folder and its `district.toml`."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from evi.workspace.errors import EviError
from evi.workspace.writing import replace_file

CONFIG = "district.toml"


@dataclass(frozen=True)
class DistrictConfig:
    """What `district.toml` says: names and references, never a key.

    Attributes:
        name: the district's name as people say it.
        key_file: where the district key is read from, relative to the folder (the key itself is never here).
        synthetic: true if every person in it is made up.
        registry: extra folders of indicator files, beside the ones that eVI ships.
        layouts: extra folders of layout files, beside the ones that eVI ships.
        profile: the way of encoding identities; see `evi.encoding.profiles`.
    """

    name: str
    key_file: str = "keys/district.key"
    synthetic: bool = False
    registry: tuple[str, ...] = ()
    layouts: tuple[str, ...] = ()
    profile: str = "tokens"


@dataclass(frozen=True)
class District:
    """One district's folder. Properties name its rooms; nothing is created until something is written."""

    root: Path
    config: DistrictConfig = field(default_factory=lambda: DistrictConfig(name="district"))

    @classmethod
    def open(cls, root: Path | str) -> District:
        """Read the folder's `district.toml`.

        Raises:
            EviError: the folder has no `district.toml`, or it can't be read.
        """
        root = Path(root).resolve()
        path = root / CONFIG
        if not path.is_file():
            raise EviError(
                "this is not a district folder: it has no district.toml.",
                where=str(root),
                do="Make one with `evi new FOLDER`, or name the right folder with --district.",
                exit_code=2,
            )
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
            named = table["district"]
            config = DistrictConfig(
                name=str(named["name"]),
                key_file=str(table.get("keys", {}).get("file", DistrictConfig.key_file)),
                synthetic=bool(named.get("synthetic", False)),
                registry=tuple(named.get("registry", ())),
                layouts=tuple(named.get("layouts", ())),
                profile=str(table.get("encoding", {}).get("profile", DistrictConfig.profile)),
            )
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
            raise EviError(
                "it can't be read as a district's settings.",
                where=str(path),
                do=f"It needs at least [district] with a name ({error}).",
                exit_code=2,
            ) from error
        return cls(root, config)

    @classmethod
    def create(cls, root: Path | str, config: DistrictConfig) -> District:
        """Make the folder and write its `district.toml`; refuses a folder that already has one."""
        root = Path(root).resolve()
        if (root / CONFIG).exists():
            raise EviError(
                "a district is already here.", where=str(root), do="Choose another folder.", exit_code=2
            )
        root.mkdir(parents=True, exist_ok=True)
        lines = [
            "[district]",
            f"name = {json.dumps(config.name)}",  # a JSON string is a TOML basic string
            f"synthetic = {'true' if config.synthetic else 'false'}",
            "",
            "[keys]",
            "# A reference, never a key. EVI_DISTRICT_KEY in the environment is used before it.",
            f"file = {json.dumps(config.key_file)}",
            "",
        ]
        with replace_file(root / CONFIG) as scratch:
            scratch.write_text("\n".join(lines), encoding="utf-8")
        return cls(root, config)

    # Agency zone: in a real district these stay with each agency.
    @property
    def extracts(self) -> Path:
        """What agencies delivered, one folder a feed (Agency zone)."""
        return self.root / "extracts"

    @property
    def rejects(self) -> Path:
        """Rows that a reader could not take, and why (Agency zone)."""
        return self.root / "rejects"

    @property
    def reference(self) -> Path:
        """The agency's own look-ups, such as `addresses.parquet` (Agency zone)."""
        return self.root / "reference"

    @property
    def key_file(self) -> Path:
        """Where the district key is kept (Agency zone)."""
        return self.root / self.config.key_file

    # Public.
    @property
    def geography(self) -> Path:
        """Boundaries and look-ups of small areas: public data."""
        return self.root / "geography"

    # Insight zone.
    @property
    def encoded(self) -> Path:
        """Encoded extracts: `payload/` for analysts and `linkage/` for the linkage unit alone."""
        return self.root / "encoded"

    @property
    def spine(self) -> Path:
        """Who is who: people, households and relations."""
        return self.root / "spine"

    @property
    def records(self) -> Path:
        """The event store."""
        return self.root / "records"

    @property
    def index(self) -> Path:
        """Spans and the tables of the index."""
        return self.root / "index"

    @property
    def outputs(self) -> Path:
        """Reports and tables for people."""
        return self.root / "outputs"

    @property
    def runs(self) -> Path:
        """The ledger of runs: one manifest for each run of each stage."""
        return self.root / "runs"

    @property
    def truth(self) -> Path:
        """What the synthetic district knows and no service does; no command of the pipeline reads it."""
        return self.root / "truth"

    @property
    def scratch(self) -> Path:
        """Room for sorts and joins to spill."""
        return self.root / ".scratch"
