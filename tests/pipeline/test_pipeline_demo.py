"""`evi demo` to its end: a release by agreement, a filled application, sign-ins, and no pseudonym in it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith(("EVI_", "DJANGO_"))
} | {"CI": "true", "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}
"""Without what other tests of this process have set: the care folder is to be the district's own."""


def evi(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evi", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    if check and done.returncode:
        raise AssertionError(f"evi {arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


COUNTS = "SELECT (SELECT count(*) FROM children_child), (SELECT count(*) FROM findings_finding)"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def demo(run_district, tmp_path_factory):
    """The small district after `evi demo`, and what the command printed."""
    folder = tmp_path_factory.mktemp("demo") / "district"
    shutil.copytree(run_district, folder)
    done = evi("demo", folder, "--port", str(free_port()))
    return folder, done.stdout


def rows(folder: Path, sql: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(folder / "care" / "care.sqlite3") as database:
        return database.execute(sql).fetchall()


def test_it_prints_seven_sign_ins_and_the_page_answers(demo):
    _folder, said = demo
    for who in (
        "SENCO",
        "Class teacher",
        "Health visitor",
        "CAMHS clinician",
        "Social worker",
        "Parent",
        "Data guardian",
    ):
        assert f", {who}" in said
    assert said.count("Password of all of them: demo-") == 1
    assert "The sign-in page answered" in said


def test_the_release_stands_in_the_ledger_by_agreement_and_run(demo):
    folder, _said = demo
    entries = [json.loads(line) for line in (folder / "sharing" / "releases.jsonl").read_text().splitlines()]
    links, findings = entries
    assert (links["agreement"], findings["agreement"]) == ("casefinding-release", "casefinding-release")
    assert findings["run"] in (folder / "casefinding" / "life.jsonl").read_text()
    assert findings["recipients"]


def test_no_pseudonym_or_name_is_in_a_release_and_no_pseudonym_or_clear_name_in_care(demo):
    """A subject's number is small here, so what is looked for is the column and the spine's own order."""
    folder, _said = demo
    spine = pl.read_parquet(folder / "spine" / "people.parquet")
    (place,) = (folder / "outputs" / "releases").glob("links-*")
    links = pl.read_parquet(place / "links.parquet")
    both = links.join(spine, left_on=["feed", "code"], right_on=["feed", "person"])
    assert links.columns == ["feed", "code", "together", "probability"]
    assert both["together"].n_unique() == both["subject_id"].n_unique()
    assert both.filter(pl.col("together") == pl.col("subject_id")).height < both.height / 10
    census = (folder / "extracts" / "school").glob("school_census_2026_summer.csv")
    names = {line.split(",")[2] for line in next(census).read_text(encoding="utf-8-sig").splitlines()[1:]}
    told = "".join(p.read_text() for p in (folder / "outputs" / "releases").rglob("*.json"))
    stored = (folder / "care" / "care.sqlite3").read_bytes()
    long = {name for name in names if len(name) > 7}
    assert long
    assert not [name for name in long if name in told or name.encode() in stored]
    columns = rows(folder, "SELECT group_concat(sql) FROM sqlite_master")[0][0]
    assert "subject" not in str(columns).replace('"subject" ', "")


def test_ties_are_by_roll_and_class_and_the_story_has_two_parents_one_without_the_address(demo):
    folder, _said = demo
    kinds = dict(rows(folder, "SELECT kind, count(*) FROM children_tie GROUP BY kind"))
    assert kinds["on-roll"] == kinds["teaches"] > 100
    assert kinds["parent-of"] == 2
    assert rows(folder, "SELECT items FROM children_withheld") == [('["contact"]',)]


def test_a_second_demo_makes_nothing_twice(demo):
    folder, _said = demo
    before = rows(folder, COUNTS)
    said = evi("demo", folder, "--no-serve").stdout
    assert "(0 new)" in said
    assert rows(folder, COUNTS) == before


def test_a_dry_run_shows_a_card_and_no_code_and_writes_nothing(demo):
    folder, _said = demo
    (worklist,) = (folder / "outputs" / "casefind").glob("autism-eyfsp-*")
    before = sorted((folder / "outputs" / "releases").rglob("*"))
    said = evi(
        "release", worklist, "--agreement", "casefinding-release", "--district", folder, "--dry-run"
    ).stdout
    assert "Worth a professional look, because:" in said
    assert sorted((folder / "outputs" / "releases").rglob("*")) == before
    codes = pl.read_parquet(folder / "spine" / "people.parquet")["person"].cast(pl.String).to_list()
    assert not [code for code in codes if code in said]


def test_the_server_stops_cleanly_and_a_taken_port_is_said(demo):
    folder, _said = demo
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "evi", "serve", "-d", str(folder), "--port", str(port), "--workers", "1"],
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    try:
        assert server.stdout is not None
        assert f"http://127.0.0.1:{port}/" in server.stdout.readline()
        taken = evi("serve", "-d", folder, "--port", str(port), check=False)
        assert taken.returncode == 2
        assert f"port {port} can't be used" in taken.stdout + taken.stderr
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
        assert "Stopped." in server.stdout.read()
    finally:
        server.kill()
    time.sleep(0.1)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_district_of_real_people_has_no_demo(tmp_path):
    evi("new", tmp_path / "real")
    done = evi("demo", tmp_path / "real", check=False)
    assert done.returncode == 2
    assert "not made up" in done.stdout + done.stderr
