"""Attack every profile on every data set: `python -m benchmarks.attacks [PROFILE …]`.

Public data are sought in `EVI_OPENDATA`, or `../shared/data`; data sets that are not there are left out.
Ends with 1 if a profile was found to give away more than `profiles.yaml` says that it does.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.attacks.dates import days_read
from benchmarks.attacks.measures import Quality, Rate, attack, quality, speed
from benchmarks.attacks.people import Population, cohort, febrl, ons, scene, synthetic
from evi.encoding.profiles import ATTACKERS, Profile, load_profiles

DISTRICT_PEOPLE = 12_000
COUNTED = 5_000  # people in the attacks that count; all of them are compared at once only where codes repeat
MATCHED = 400  # people in the attack on graphs, whose cost grows with their cube
SLACK = 0.05  # chance: one draw of keys and people against another
SEED = 20_261_122
FEWEST = 50  # people of a cohort
Rates = dict[tuple[str, str], Rate]


def populations(folder: Path) -> Iterator[Population]:
    """The synthetic district, made afresh, and the public sets that are there."""
    district = folder / "district"
    command = [sys.executable, "-m", "evi", "new", str(district), "--synthetic", "--seed", "11"]
    subprocess.run([*command, "--people", str(DISTRICT_PEOPLE)], check=True, capture_output=True)
    yield synthetic(district)
    opendata = Path(os.environ.get("EVI_OPENDATA", Path(__file__).parents[3] / "shared" / "data"))
    if (opendata / "linkage").is_dir():
        yield ons(opendata)
        yield febrl(opendata)


def examine(population: Population, profile: Profile) -> tuple[Rates, Quality, float]:
    """Every attack on one profile, and what the profile is good for.

    A salted profile is also attacked in one year's births, as a return of a school year holds them: there its
    salt is one and the same.
    """
    both = len(set(population.hub["person"]) & set(population.other["person"]))
    repeats = profile.kind != "record" and profile.epsilon is None
    counted = scene(population, min(COUNTED if repeats else MATCHED, both // 2), SEED)
    matched = scene(population, min(MATCHED, both // 2), SEED, public=MATCHED)
    rates = attack(counted, profile, ("frequency", "patterns")) | attack(matched, profile, ("graph",))
    if profile.salt:
        year = cohort(population)
        people = min(MATCHED, len(set(year.hub["person"]) & set(year.other["person"])) // 2)
        rates = _worse(rates, attack(scene(year, people, SEED, public=0), profile, ("graph",)), people)
    return rates, quality(scene(population, min(3_000, both), SEED), profile), speed(population.hub, profile)


def _worse(one: Rates, other: Rates, people: int) -> Rates:
    """The larger of two rates; a cohort of a handful says nothing."""
    if people < FEWEST:
        return one
    return one | {key: max(one.get(key, rate), rate, key=lambda r: r.records) for key, rate in other.items()}


def main(names: Sequence[str] = ()) -> int:
    """Print the tables, of some profiles or all; how many give away more than they declare."""
    declared = load_profiles()
    chosen = [declared[name] for name in names] or list(declared.values())
    worst = {profile.name: dict.fromkeys(ATTACKERS, 0.0) for profile in chosen}
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        for population in populations(Path(folder)):
            _table(population, chosen, worst)
    print(_LEGEND)
    return _judge(chosen, worst, time.process_time() - began)


_LEGEND = """
Each cell: records both of whose names were found (distinct names found), by the attack that found most
records: f(requency), p(atterns), g(raph). Resistance is one less the worst of these.
"""


def _table(population: Population, chosen: list[Profile], worst: dict[str, dict[str, float]]) -> None:
    """Print one data set, profile by profile, and keep the worst of what was found."""
    print(f"\n### {population.name}\n")
    beside, apart = (days_read(population.hub, with_month=told) for told in (True, False))
    print("Exact birth dates read without a key or a list, were months of birth beside the codes: ", end="")
    print(f"{beside:.0%}; as they are not: {apart:.0%}.\n")
    print("| profile | " + " | ".join(ATTACKERS) + " | F1 | gap | records a second |")
    print("|---|" + "---|" * (len(ATTACKERS) + 3))
    for profile in chosen:
        rates, good, fast = examine(population, profile)
        cells = []
        for attacker in ATTACKERS:
            found = [(rate.records, method) for (who, method), rate in rates.items() if who == attacker]
            records, method = max(found, default=(0.0, "–"))
            values = max((rate.values for (who, _), rate in rates.items() if who == attacker), default=0.0)
            worst[profile.name][attacker] = max(worst[profile.name][attacker], records)
            cells.append(f"{records:.1%} ({values:.0%}) {method[0]}")
        gap = "–" if math.isnan(good.gap) else f"{good.gap:.3f}"
        print(f"| {profile.name} | {' | '.join(cells)} | {good.f1:.3f} | {gap} | {fast:,.0f} |", flush=True)


def _judge(chosen: list[Profile], worst: dict[str, dict[str, float]], seconds: float) -> int:
    """Judge each profile by the worst of this run and of those before: keys are new, so attacks have luck."""
    print("| profile | resistance | found now, all sets | limit | by the worst of all runs |")
    print("|---|---|---|---|---|")
    wrong = 0
    for profile in chosen:
        found, before = worst[profile.name], profile.measured or {}
        over = [w for w in ATTACKERS if max(found[w], before.get(w, 0.0)) > profile.limit[w]]
        stale = [w for w in ATTACKERS if found[w] > before.get(w, 0.0) + SLACK]
        wrong += bool(stale)
        said = "refused: over its limit" if over else "within its limit"
        said += "; profiles.yaml says less" if stale else ""
        figures = ", ".join(f"{who}: {math.ceil(found[who] * 100) / 100:g}" for who in ATTACKERS)
        limits = ", ".join(f"{share:g}" for share in profile.limit.values())
        print(f"| {profile.name} | {1 - max(found.values()):.0%} | {figures} | {limits} | {said} |")
    print(f"\n{seconds:.0f} seconds of CPU.")
    return wrong


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
