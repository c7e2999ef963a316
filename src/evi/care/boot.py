"""Start the application from a command: its environment, its tables, its files, and whether it can start."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from evi.workspace import SILENT, EviError, Progress

if TYPE_CHECKING:
    from evi.workspace import District

SETTINGS = "evi.care.settings"
CARE = "care"


def open_care(district: District | None = None) -> None:
    """Set the environment and load the application. With a district, its care folder is in the district's.

    What the environment says already stands, except that a made-up district is always shown as one.

    Raises:
        EviError: the settings are wrong.
    """
    if district is not None:
        if not os.environ.get("EVI_CARE_HOME"):
            os.environ["EVI_CARE_HOME"] = str(district.root / CARE)
        if district.config.synthetic:
            os.environ["EVI_CARE_DEMO"] = "1"
    check_keys_there()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    import django  # noqa: PLC0415 - the environment decides what it loads
    from django.apps import apps  # noqa: PLC0415

    if not apps.ready:
        django.setup()


def check_keys_there() -> None:
    """Refuse to start where there is a database and its key file is gone: a new key could read nothing.

    Raises:
        EviError: so it is.
    """
    from evi.care.home import home  # noqa: PLC0415

    folder = home()
    if (folder / "care.sqlite3").is_file() and not (folder / "fields.keys").is_file():
        raise EviError(
            "the database is here and the key file that belongs to it is not.",
            where=str(folder / "fields.keys"),
            do="Put the key file back from its backup. Without it no name here can be read.",
            exit_code=2,
        )


def prepare(district: District | None = None, progress: Progress = SILENT) -> None:
    """Make everything ready to serve: agreements, tables, keys that fit, style sheets.

    Raises:
        EviError: the agreements are not there or invalid, the keys are not those of this database, or the
            style sheets can't be built.
    """
    from evi.care.assets_build import build_assets  # noqa: PLC0415

    install_agreements(district)
    check_agreements()
    migrate()
    check_keys_fit()
    build_assets(progress)


def install_agreements(district: District | None) -> None:
    """Copy the district's agreements into a care folder that has none; an own copy there stays as it is."""
    from evi.care.door.rules import folder  # noqa: PLC0415

    own = folder()
    if district is None or any(own.glob("*.yaml")):
        return
    own.mkdir(exist_ok=True)
    for path in sorted((district.root / "agreements").glob("*.yaml")):
        shutil.copy(path, own / path.name)


def check_agreements() -> None:
    """Refuse to start without agreements, or with ones that can't be read.

    Raises:
        EviError: there are none, or one is wrong.
    """
    from evi.care.door.rules import door, folder  # noqa: PLC0415

    if not any(folder().glob("*.yaml")):
        raise EviError(
            "there are no agreements, so nobody could see anything.",
            where=str(folder()),
            do="Put the district's agreements there; `evi agreement list` shows what is in force.",
            exit_code=2,
        )
    door()


def migrate() -> None:
    """Bring the tables to this version."""
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import OperationalError  # noqa: PLC0415

    try:
        call_command("migrate", interactive=False, verbosity=0)
    except OperationalError as error:
        raise EviError(
            "the database can't be reached.",
            where="EVI_CARE_DATABASE" if os.environ.get("EVI_CARE_DATABASE") else str(Path(CARE)),
            do="Check that it runs, that the address is right, and that this account may use it.",
        ) from error


def check_keys_fit() -> None:
    """Refuse keys that can't read this database.

    Raises:
        EviError: a stored name can't be read.
    """
    from evi.care.children.models import Child  # noqa: PLC0415

    Child.objects.order_by("pk").only("given_name").first()
