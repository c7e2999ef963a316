"""`evi link files`: two files and a map of four lines, and each way in which they can be wrong."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from evi.cli import app
from evi.cli.app import load_verbs
from evi.linkage.files import map_schema, read_map, read_people
from evi.linkage.tables import ROLES
from evi.workspace import EviError
from tests.linkage.test_linkage_tables import people

ODD = ["Ref No.", "Vorname", "NACHNAME", "geb", "m/w", "PLZ"]
MAP = "id: Ref No.\nforename: Vorname\nsurname: NACHNAME\ndate_of_birth: geb\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files of the same 300 people under odd names of columns, one CSV with semicolons, one Parquet."""
    left = people(300).rename_columns(ODD)
    options = pyarrow.csv.WriteOptions(delimiter=";")
    pyarrow.csv.write_csv(left.slice(0, 250), tmp_path / "left.csv", options)
    pq.write_table(left.slice(50), tmp_path / "right.parquet")
    (tmp_path / "map.yaml").write_text(MAP, encoding="utf-8")
    return tmp_path


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    load_verbs()
    whole = [str(folder / part) if (folder / part).is_file() else part for part in arguments]
    done = CliRunner().invoke(
        app, ["link", "files", *whole, "--out", str(folder / "pairs.parquet")], env={"COLUMNS": "400"}
    )
    return done.exit_code, done.output


def test_odd_column_names_and_four_lines_are_linked_without_further_help(folder: Path) -> None:
    code, said = run(folder, "left.csv", "right.parquet", "--columns", "map.yaml")
    assert code == 0, said
    pairs = pq.read_table(folder / "pairs.parquet").to_pylist()
    links = [(pair["left_id"], pair["right_id"]) for pair in pairs if pair["probability"] >= 0.5]
    assert sorted(links) == sorted((f"p{i}", f"p{i}") for i in range(50, 250))
    unbroken = " ".join(said.split())  # lines break where the terminal ends
    for reason in (
        f"forename (100% filled, {len(set(people(300)['first'].to_pylist()))} values)",
        "no NHS number and no pupil number, so no link is certain by number",
        "Surname is compared by itself: there is no place to compare with it",
        "at most one partner in another feed",
        "a missed and a false link count the same",
    ):
        assert reason in unbroken


def test_json_clusters_model_and_a_threshold(folder: Path) -> None:
    (folder / "more.yaml").write_text(f"{MAP}sex: m/w\nright:\n  postcode: PLZ\n", encoding="utf-8")
    extra = ("--clusters", str(folder / "c.csv"), "--model", str(folder / "m.json"), "--threshold", "0.9")
    code, said = run(folder, "left.csv", "right.parquet", "-c", "more.yaml", "--json", *extra)
    assert code == 0, said
    report = json.loads(said[said.index("{") :])
    assert report["threshold"] == 0.9
    assert report["people"] == 300 and report["records"] == 500
    assert pyarrow.csv.read_csv(folder / "c.csv").column_names == ["table", "id", "cluster", "probability"]
    assert json.loads((folder / "m.json").read_text(encoding="utf-8"))["plan"] == report["plan"]


def test_one_file_is_searched_for_repeats(folder: Path) -> None:
    table = people(100).rename_columns(ODD)
    twice = pa.concat_tables([table, table.slice(0, 20)])
    twice = twice.set_column(0, "Ref No.", pa.array([str(i) for i in range(120)]))
    pq.write_table(twice, folder / "repeats.parquet")
    code, said = run(folder, "repeats.parquet", "-c", "map.yaml")
    assert code == 0, said
    pairs = pq.read_table(folder / "pairs.parquet").to_pylist()
    links = {(pair["left_id"], pair["right_id"]) for pair in pairs if pair["probability"] >= 0.5}
    assert {(str(i), str(100 + i)) for i in range(20)} <= links
    assert len(links) <= 22  # a hundred invented people of few names hold a namesake or two


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("forname: Vorname\n", "no such role: forname. .*Did you mean forename?"),
        ("left: {forname: Vorname}\n", "left: no such role: forname"),
        ("forename: 3\n", "is not valid under any of the given schemas|is not of type"),
        ("- forename\n", "no map of columns"),
        ("", "no map of columns"),
        ("a: [\n", "not YAML"),
    ],
)
def test_a_map_that_is_wrong(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(EviError, match=message):
        read_map(path)


def test_the_schema_names_the_roles() -> None:
    schema = map_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert set(schema["$defs"]["side"]["properties"]) == ROLES
    assert set(schema["properties"]) == ROLES | {"left", "right"}


def test_files_that_are_wrong(folder: Path) -> None:
    (folder / "empty.csv").write_text("Ref No.,Vorname\n", encoding="utf-8")
    (folder / "noise.parquet").write_bytes(b"not a table at all")
    (folder / "copy.csv").write_bytes((folder / "left.csv").read_bytes())
    (folder / "twice.csv").write_text("Ref No.,Vorname,NACHNAME,geb\n1,A,B,\n1,C,D,\n", encoding="utf-8")
    (folder / "gone.yaml").write_text("forename: Rufname\n", encoding="utf-8")
    for arguments, message in (
        (("none.csv", "-c", "map.yaml"), "no such file"),
        (("left.csv", "-c", "none.yaml"), "no such file"),
        (("noise.parquet", "-c", "map.yaml"), "can't be read"),
        (("empty.csv", "-c", "map.yaml"), "no rows"),
        (("left.csv", "copy.csv", "-c", "map.yaml"), "both files are the same"),
        (("left.csv", "left.csv", "-c", "map.yaml"), "both files are the same"),
        (("twice.csv", "-c", "map.yaml"), "rows 1 and 2 have one id"),
        (("left.csv", "-c", "gone.yaml"), "no column Rufname"),
        (("left.csv", "-c", "map.yaml", "--clusters", str(folder / "left.csv")), "files to be read"),
    ):
        code, said = run(folder, *arguments, "--json")
        assert code in (1, 2) and message in said, (arguments, said)
        assert not (folder / "pairs.parquet").exists()


def test_encodings_blanks_and_separators_of_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes('id| name |born\n 1 |Zoë| \n2|"x\ny"|3\n'.encode("cp1252"))
    table = read_people(path)
    assert table.column_names[0] == "id" and table["id"].to_pylist()[0] == "1"
    path.write_text("\ufeffid,name\n1,Zoë\n", encoding="utf-8")
    assert read_people(path).to_pylist() == [{"id": "1", "name": "Zoë"}]
