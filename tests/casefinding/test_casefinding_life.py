"""The life of a rule, its ledger, and drift: what is refused, what is found out, what goes out."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from evi.casefinding.drifting import drift
from evi.casefinding.finding import find
from evi.casefinding.life import CARD, decide, ledger, may_release, standing, states
from evi.casefinding.releasing import NOTICE, release_worklist
from evi.casefinding.rules import load_rules
from evi.casefinding.stability import binned, difference, stability
from evi.casefinding.worklist import make_worklist
from evi.cli.app import app, load_verbs
from evi.sharing.chain import Chain, Head, entry_hash
from evi.workspace import EviError
from tests.casefinding.stores import DAY, low_profile, write_store

RULE = load_rules()["autism-eyfsp-2021"]
NOW = datetime(2026, 9, 1, tzinfo=UTC)
WHY = "to see what it would ask for"


@pytest.fixture
def district(tmp_path):
    facts = [
        fact for child in range(1, 31) for fact in low_profile(child, "2021", 16 if child % 3 == 0 else 0)
    ]
    return write_store(tmp_path / "district", facts, schools={child: "S1" for child in range(1, 31)})


def to(district, *names, rule=RULE):
    for name in names:
        if name == "live":
            carded(district, rule)
        decide(district, rule, name, "SEND board", WHY, at=NOW)


def carded(district, rule=RULE):
    entry = {"kind": CARD, "rule": rule.id, "version": rule.version, "digest": rule.digest}
    ledger(district).append(entry)


def listed(district, day=DAY):
    return make_worklist(district, find(district, RULE, day))


WAYS = [(a, b) for a, state in states().items() for b in state.may_become]
PATHS = {"proposed": (), "shadow": ("shadow",), "live": ("shadow", "live"),
         "suspended": ("shadow", "suspended"), "retired": ("retired",)}  # fmt: skip


@pytest.mark.parametrize("state", list(PATHS))
@pytest.mark.parametrize("then", list(PATHS))
def test_only_transitions_that_make_sense_are_taken(district, state, then):
    to(district, *PATHS[state])
    assert standing(district, RULE).state.name == state
    if (state, then) in WAYS:
        to(district, then)
        assert standing(district, RULE).state.name == then
    else:
        before = len(ledger(district).read())
        with pytest.raises(EviError, match="can't become"):
            decide(district, RULE, then, "SEND board", WHY, at=NOW)
        assert len(ledger(district).read()) == before


def test_nothing_goes_live_without_shadow_nor_comes_back_from_retirement():
    assert ("proposed", "live") not in WAYS
    assert states()["retired"].may_become == ()
    assert [name for name, state in states().items() if state.releases] == ["live"]


@pytest.mark.parametrize(("by", "because"), [("", WHY), ("  ", WHY), ("board", ""), ("board", "fine now")])
def test_a_decision_needs_who_and_why(district, by, because):
    with pytest.raises(EviError, match="who decided and why"):
        decide(district, RULE, "shadow", by, because)
    with pytest.raises(EviError, match="no state"):
        decide(district, RULE, "loved", "board", WHY)


def test_a_rule_goes_live_only_with_a_complete_card_of_its_present_text(district):
    to(district, "shadow")
    with pytest.raises(EviError, match="no complete card"):
        decide(district, RULE, "live", "board", WHY, at=NOW)
    carded(district, replace(RULE, digest="another text"))
    with pytest.raises(EviError, match="no complete card"):
        decide(district, RULE, "live", "board", WHY, at=NOW)
    late = datetime(2030, 1, 1, tzinfo=UTC)
    carded(district)
    with pytest.raises(EviError, match="review"):
        decide(district, RULE, "live", "board", WHY, at=late)
    decide(district, RULE, "live", "board", WHY, at=NOW)


def test_a_rule_that_is_not_ready_is_not_run_even_in_shadow(district):
    with pytest.raises(EviError, match=r"items"):
        decide(district, load_rules()["autism-eyfsp-five-2012"], "shadow", "board", WHY)


def test_only_a_live_rule_with_its_text_and_within_its_review_date_is_released(district):
    assert not may_release(district, RULE, DAY).allowed
    to(district, "shadow")
    found = may_release(district, RULE, DAY)
    assert (found.allowed, found.recorded, found.state) == (False, True, "shadow")
    to(district, "live")
    assert may_release(district, RULE, DAY).allowed
    assert not may_release(district, replace(RULE, digest="changed"), DAY).allowed
    assert "review" in may_release(district, RULE, date(2031, 1, 1)).words
    assert not may_release(district, replace(RULE, version=2), DAY).allowed  # a new version starts anew
    other = load_rules()["autism-eyfsp-2012"]
    assert not may_release(district, (RULE, other), DAY).allowed  # a family goes out together or not at all
    to(district, "suspended")
    assert not may_release(district, RULE, DAY).recorded


def test_a_shadow_list_is_kept_with_a_notice_and_a_live_one_goes_out(district):
    to(district, "shadow")
    shadow = release_worklist(district, listed(district))
    assert shadow.folder.parent.name == "shadow"
    assert "Not for release" in (shadow.folder / NOTICE).read_text()
    to(district, "live")
    live = release_worklist(district, listed(district))
    assert live.folder.parent.name == "casefind"
    assert not (live.folder / NOTICE).exists()
    assert json.loads((live.folder / "release.json").read_text())["released"] is True


def test_a_suspended_rule_makes_no_list(district):
    to(district, "shadow", "suspended")
    with pytest.raises(EviError, match="suspended"):
        release_worklist(district, listed(district))
    assert not district.outputs.exists()
    load_verbs("casefind")
    ran = CliRunner().invoke(app, ["casefind", RULE.id, "-d", str(district.root), "--date", str(DAY)])
    assert ran.exit_code == 2
    assert "suspended" in ran.output


def test_the_command_writes_decisions_and_says_the_ledger_checks_out(district):
    load_verbs("casefind")
    at = ["casefind", "life", RULE.id, "-d", str(district.root)]
    made = CliRunner().invoke(app, [*at, "--to", "shadow", "--by", "SEND board", "--because", WHY, "--json"])
    assert made.exit_code == 0, made.output
    said = json.loads(made.output)
    assert said["rules"][0]["state"] == "shadow"
    assert said["decisions"][0]["because"] == WHY
    assert said["ledger"]["entries"] == 1


def test_a_family_is_decided_on_together_or_not_at_all(district):
    load_verbs("casefind")
    decide(district, load_rules()["autism-eyfsp-2021"], "retired", "board", WHY)
    at = ["casefind", "life", "autism-eyfsp", "-d", str(district.root), "--to", "suspended"]
    assert CliRunner().invoke(app, [*at, "--by", "board", "--because", WHY]).exit_code == 2
    assert ledger(district).head().entries == 1


def _lines(chain):
    return chain.path.read_text().splitlines()


def _rewrite(chain, lines):
    chain.path.write_text("".join(f"{line}\n" for line in lines))


def _edited(lines, at=1):
    entry = json.loads(lines[at]) | {"by": "somebody else"}
    return [*lines[:at], json.dumps(entry), *lines[at + 1 :]]


def _rehashed(lines):
    """Edited, with a hash of its own that is right: the next entry still names the old one."""
    entry = json.loads(lines[1]) | {"by": "somebody else"}
    return [lines[0], json.dumps(entry | {"hash": entry_hash(entry)}), *lines[2:]]


TAMPERINGS = {
    "edited": _edited,
    "the last one edited": lambda lines: _edited(lines, len(lines) - 1),
    "edited and hashed again": _rehashed,
    "one taken out": lambda lines: [lines[0], *lines[2:]],
    "the first taken out": lambda lines: lines[1:],
    "the last cut off": lambda lines: lines[:-1],
    "two cut off": lambda lines: lines[:-2],
    "emptied": lambda lines: [],
    "two swapped": lambda lines: [lines[1], lines[0], *lines[2:]],
    "one there twice": lambda lines: [*lines, lines[-1]],
    "no JSON": lambda lines: [*lines[:-1], "{"],
    "not an entry": lambda lines: [*lines[:-1], "[1, 2]"],
}


@pytest.mark.parametrize("how", list(TAMPERINGS))
def test_a_ledger_that_was_tampered_with_is_found_out_and_releases_nothing(district, how):
    to(district, "shadow", "live", "suspended")
    chain = ledger(district)
    _rewrite(chain, TAMPERINGS[how](_lines(chain)))
    for ask in (
        chain.read,
        lambda: may_release(district, RULE, DAY),
        lambda: to(district, "retired"),
    ):
        with pytest.raises(EviError, match="changed by something other"):
            ask()


def test_a_ledger_or_head_that_is_gone_is_found_out(district):
    to(district, "shadow")
    chain = ledger(district)
    text, head = chain.path.read_text(), chain.path.with_suffix(".head.json")
    chain.path.unlink()
    with pytest.raises(EviError, match="ledger is gone"):
        chain.read()
    chain.path.write_text(text)
    head.unlink()
    with pytest.raises(EviError, match="head is missing"):
        chain.read()


def test_who_rewrites_the_end_and_the_head_is_found_out_by_a_run(district):
    from evi.casefinding.kept import read_run

    to(district, "shadow")
    run = release_worklist(district, listed(district)).manifest.run_id
    chain = ledger(district)
    noted = Head(1, json.loads(_lines(chain)[0])["hash"])
    entry = json.loads(_lines(chain)[0]) | {"by": "somebody else"}
    first = entry | {"hash": entry_hash(entry)}
    second = json.loads(_lines(chain)[1]) | {"before": first["hash"]}
    second |= {"hash": entry_hash(second)}
    _rewrite(chain, [json.dumps(first), json.dumps(second)])
    chain.path.with_suffix(".head.json").write_text(json.dumps({"entries": 2, "hash": second["hash"]}))
    assert len(chain.read()) == 2  # the chain alone can't tell
    with pytest.raises(EviError, match="noted 1 entries"):
        chain.check_holds(noted, "a run")
    with pytest.raises(EviError, match="noted 1 entries"):
        read_run(district, run)


def test_a_stop_between_the_two_files_is_no_tampering(tmp_path):
    chain = Chain(tmp_path / "a.jsonl")
    chain.append({"kind": "x"})
    head = chain.path.with_suffix(".head.json").read_text()
    chain.append({"kind": "y"})
    chain.path.with_suffix(".head.json").write_text(head)
    assert len(chain.read()) == 2
    chain.append({"kind": "z"})
    assert chain.head().entries == 3


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 60), min_size=2, max_size=6), st.lists(st.integers(0, 60), min_size=2, max_size=6)
)
def test_stability_is_never_negative_and_the_same_both_ways(first, second):
    a, b = ({str(i): n for i, n in enumerate(side)} for side in (first, second))
    found, back = stability(a, b), stability(b, a)
    assert (found is None) == (back is None)
    if found is not None:
        assert found.psi >= 0
        assert math.isclose(found.psi, back.psi, abs_tol=1e-12)
        assert stability(a, a) is None or stability(a, a).psi == 0


def test_stability_passes_what_chance_would_reach_one_time_in_twenty():
    luck, shares = np.random.default_rng(4), [0.1, 0.2, 0.3, 0.4]
    past = []
    for _ in range(2_000):
        a, b = luck.multinomial(400, shares), luck.multinomial(600, shares)
        found = stability(*({str(i): int(n) for i, n in enumerate(side)} for side in (a, b)))
        past.append(found.psi > found.chance)
    assert 0.035 < np.mean(past) < 0.065


def test_scores_fall_into_classes_cut_once_and_none_is_lost():
    before, after = binned([1, 1, 1, 2, 3, 3], [0, 1, 9], 4)
    assert sum(before.values()) == 6
    assert sum(after.values()) == 3
    assert binned([5, 5, 5], [5], 10)[0] == {"to 5": 3, "over 5": 0}


def test_the_interval_of_a_difference_is_newcombe_s():
    # Newcombe 1998, Statistics in Medicine 17:873, table II, case (a): 56/70 and 48/80, method 10
    change, low, high = difference(48, 80, 56, 70)
    assert (round(change, 4), round(low, 4), round(high, 4)) == (0.2, 0.0524, 0.3339)


def test_drift_says_what_moved_and_is_quiet_where_nothing_did(tmp_path):
    early, late = date(2022, 12, 31), date(2023, 6, 30)
    facts = [
        fact
        for child in range(1, 401)
        for fact in low_profile(child, "2021", 16 if child % 10 == 0 else 0, on=early)
    ]
    changed = [
        replace(fact, day=late, known=late)
        for child in range(1, 401)
        for fact in low_profile(child, "2021", 16 if child % 2 else 0)
    ]
    still = write_store(tmp_path / "still", facts)
    quiet = drift(still, RULE.id, date(2023, 1, 1), date(2023, 8, 31))
    assert not quiet.moved
    assert next(each for each in quiet.monitors if each.name == "share flagged").now == 0.1
    ended = [replace(fact, until=late) for fact in facts]
    moved = drift(
        write_store(tmp_path / "moved", ended + changed), RULE.id, date(2023, 1, 1), date(2023, 8, 31)
    )
    assert {each.name for each in moved.moved} == {"share flagged", f"scores of {RULE.label}"}
    flagged = next(each for each in moved.monitors if each.name == "share flagged")
    assert (flagged.was, flagged.now) == (0.1, 0.5)
    with pytest.raises(EviError, match="before the second"):
        drift(still, RULE.id, late, late)
