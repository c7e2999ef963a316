"""Networks as files: what they say, and the sentence that each mistake gets."""

from __future__ import annotations

from datetime import date
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import yaml

from evi.queues.simulation.network import Network
from evi.queues.simulation.network_file import example_network, parse_network, read_network
from evi.queues.simulation.prepared import prepare
from evi.queues.simulation.slots_file import read_slots
from evi.workspace import EviError

EXAMPLES = [
    Path(file.name).stem
    for file in (resources.files("evi.queues.simulation") / "networks").iterdir()
    if file.name.endswith(".yaml")
]


def base(**changes: object) -> dict[str, object]:
    """A small network's declaration with some parts changed."""
    return {
        "start": "2026-01-05",
        "pools": [{"id": "a", "slots_per_week": 2}, {"id": "b", "slots_per_week": 1}],
        "arrivals": [{"pool": "a", "weekly": 2}],
        **changes,
    }


def pool(**changes: object) -> dict[str, object]:
    return base(pools=[{"id": "a", "slots_per_week": 2, **changes}])


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_say_where_each_figure_is_from(name):
    network = example_network(name)
    folder = resources.files("evi.queues.simulation") / "networks"
    declared = yaml.safe_load((folder / f"{name}.yaml").read_text())
    figures = {"slots_per_week", "missed", "discipline", "removal", "limit_weeks", "outcomes"}
    for one in declared["pools"]:
        assert set(one["sources"]) == figures & set(one), one["id"]
    for part in (network.arrivals, network.backlog, network.edges):
        assert all(one.source for one in part)


def test_slots_follow_terms_leave_and_their_list():
    network = parse_network(
        pool(slots_per_week={"base": [10, 20], "holidays_share": 0.5, "leave_share": 0.1})
        | {"terms": "england", "start": "2026-07-06"}
    )
    slots = network.slots(5)[:, 0]
    np.testing.assert_allclose(slots, [9, 18, 9, 9, 9])  # schools close in the week of 20 July
    assert network.start == date(2026, 7, 6)


def test_staff_take_leave_by_luck_so_it_is_not_taken_twice():
    network = parse_network(pool(slots_per_week={"base": 10, "leave_share": 0.2, "staff": 4}))
    assert network.slots(1)[0, 0] == 10
    assert prepare(network, 1).staff[0] == 4


def test_pools_share_the_slots_of_a_skill():
    network = parse_network(
        base(
            skills=[{"id": "therapist", "slots_per_week": [10, 6]}],
            pools=[{"id": name, "skill": "therapist", "skill_share": 0.5} for name in "ab"],
        )
    )
    np.testing.assert_allclose(network.slots(3), [[5, 5], [3, 3], [3, 3]])


def test_referrals_grow_and_follow_the_season():
    season = {"by_month": [2] + [1] * 11, "by_term": {"term": 1.0, "holidays": 0.5}}
    network = parse_network(
        base(arrivals=[{"pool": "a", "weekly": 10, "yearly_growth": 0.1, "season": season}])
    )
    means = network.arrival_means(60)[:, 0, 0]
    assert means[0] == 20 and means[10] == pytest.approx(10 * 1.1 ** (70 / 365.25))
    term = parse_network({**base(), "arrivals": network_arrivals(season), "terms": "england"})
    assert term.arrival_means(8)[6, 0, 0] == 5.0  # the week of 16 February 2026


def network_arrivals(season: object) -> list[dict[str, object]]:
    return [{"pool": "a", "weekly": 10, "season": season}]


def test_the_lists_at_the_start_are_oldest_first_with_classes_mixed():
    network = parse_network(
        base(
            classes=[{"id": "u", "priority": 1}, {"id": "r", "priority": 5}, {"id": "s", "priority": 5}],
            arrivals=[],
            backlog=[
                {"pool": "a", "class": "r", "ages": [{"age_weeks": 3, "children": 4}]},
                {"pool": "a", "class": "u", "ages": [{"age_weeks": 3, "children": 2}]},
                {"pool": "a", "class": "s", "ages": [{"age_weeks": 9, "children": 1}]},
            ],
        )
    )
    listed = prepare(network, 4).listed
    assert listed[:, 2].tolist() == [9, 3, 3, 3, 3, 3, 3]
    assert listed[:, 1].tolist() == [1, 1, 0, 1, 1, 0, 1]
    assert listed[:, 3].tolist() == list(range(7))


def test_no_slots_at_all_is_allowed_and_said():
    network = parse_network(pool(slots_per_week=0))
    assert network.warnings == ("a has no slots at all, so nobody on its list is ever seen.",)


MISTAKES = [
    (base(start="2026-01-06"), "not a Monday"),
    (base(start="soon"), "start is no date"),
    (base(pools=[]), "no pool"),
    (base(pools=[{"id": "a"}, {"id": "a"}]), "there twice"),
    (base(pools=[{"title": "nameless"}]), "'id' is a required property"),
    (base(surprise=1), "surprise"),
    ([], "not of type 'object'"),
    (pool(missed=1.2), "1.2 is no probability"),
    (pool(slots_per_week=-1), "slots are negative"),
    (pool(slots_per_week=[]), "slots_per_week"),
    (pool(slots_per_week={"base": 3, "staff": 0}), "slots come from nobody"),
    (pool(slots_per_week={"base": 3, "leave_share": 2}), "leave_share"),
    (pool(discipline={"longest": 0.5, "random": 0.4}), "shares of slots sum to 0.9, not to 1"),
    (pool(discipline={"longest": 1.5, "random": -0.5}), "no probability or share"),
    (pool(removal=[{"from_week": -1, "probability": 0.1}]), "a wait is negative"),
    (pool(limit_weeks=0), "limit is under a week"),
    (pool(outcomes={"yes": 0.7, "no": 0.7}), "outcomes sum to more than 1"),
    (pool(skill="x", skill_share=0.5), "takes a share of the skill 'x'"),
    (base(arrivals=[{"pool": "z", "weekly": 1}]), "no pool 'z'"),
    (base(arrivals=[{"pool": "a", "class": "z", "weekly": 1}]), "no class 'z'"),
    (base(arrivals=[{"pool": "a", "weekly": -1}]), "number of referrals or a factor is negative"),
    (base(arrivals=[{"pool": "a", "weekly": float("nan")}]), "negative"),
    (base(arrivals=[{"pool": "a", "weekly": 1, "season": {"by_month": [1, 2]}}]), "twelve factors"),
    (base(arrivals=[{"pool": "a", "weekly": 1, "yearly_growth": -1}]), "shrink"),
    (base(backlog=[{"pool": "a", "ages": [{"age_weeks": -3, "children": 1}]}]), "a wait is negative"),
    (base(backlog=[{"pool": "a", "ages": [{"age_weeks": 9999, "children": 1}]}]), "longer than"),
    (base(backlog=[{"pool": "a", "ages": [{"age_weeks": 1, "children": -1}]}]), "number of children is neg"),
    (base(backlog=[{"pool": "a", "ages": [{"age_weeks": 1, "children": 10**8}]}]), "at most|At most"),
    (base(edges=[{"from": "a", "to": "q", "probability": 0.1}]), "no pool 'q'"),
    (base(edges=[{"from": "a", "to": "b", "probability": 1.1}]), "no probability"),
    (base(edges=[{"from": "a", "to": "b", "probability": 1, "outcome": "x"}]), "no outcome 'x'"),
    (base(edges=[{"from": "a", "to": "b", "probability": 1, "copies": 0}]), "makes 0 places"),
    (base(edges=[{"from": "a", "to": "b", "probability": 1, "copies": 10**9}]), "makes 1000000000 places"),
    (pool(slots_per_week=1e12), "slots are over 100,000 a week"),
    (base(edges=[{"from": "a", "to": "b", "probability": 1, "lag_weeks": {"mean": -1}}]), "lag is negative"),
]


@pytest.mark.parametrize(("declared", "said"), MISTAKES)
def test_each_mistake_gets_a_clear_sentence(declared, said):
    with pytest.raises(EviError, match=said) as caught:
        parse_network(declared)
    assert caught.value.where and caught.value.do


@pytest.mark.parametrize(
    ("content", "said"), [(b"pools: [", "not YAML"), (b"\xff\xfe\x00", "not UTF-8"), (b"", "not of type")]
)
def test_files_that_are_broken_are_refused(tmp_path, content, said):
    path = tmp_path / "network.yaml"
    path.write_bytes(content)
    with pytest.raises(EviError, match=said):
        Network.from_yaml(path)


def test_a_missing_file_and_a_missing_example_are_said(tmp_path):
    with pytest.raises(EviError, match="can't be read"):
        read_network(tmp_path / "none.yaml")
    with pytest.raises(EviError, match="no example network 'nothing'"):
        example_network("nothing")


def test_slots_from_a_table_replace_those_of_their_pools(tmp_path):
    network = parse_network(base())
    table = tmp_path / "slots.csv"
    table.write_text("week,b\n1,4\n2,7.5\n")
    np.testing.assert_allclose(read_slots(table, network, 4), [[2, 4], [2, 7.5], [2, 7.5], [2, 7.5]])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("z\n1\n", "no pool 'z'"),
        ("a\n-1\n", "no number of slots"),
        ("a\nmany\n", "line 2, a"),
        ("week\n1\n", "no slots"),
    ],
)
def test_tables_of_slots_that_are_wrong_are_refused(tmp_path, text, said):
    table = tmp_path / "slots.csv"
    table.write_text(text)
    with pytest.raises(EviError, match=said):
        read_slots(table, parse_network(base()), 3)
