"""How often each analysis of a trial finds something where there is nothing, and how wide its errors are.

`python -m benchmarks.trials [--trials N]` makes up trials of the two example protocols, child by child and
with no effect, and analyses each by every road. Of a right analysis 5% find something. The estimate with
errors for few schools and the permutation test are held to that by tests; beside them are statsmodels' own.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import polars as pl

from evi.casefinding.trials import models
from evi.casefinding.trials.allocating import allocate
from evi.casefinding.trials.designs import switched_on
from evi.casefinding.trials.permuting import permute
from evi.casefinding.trials.power import ready
from evi.casefinding.trials.protocol import Outcome, Protocol, read_protocol
from evi.casefinding.trials.rows import cells_of
from evi.casefinding.trials.simulating import children_of

NAMES = {
    "cr2": "least squares, corrected for few schools (CR2)",
    "library": "least squares, statsmodels' cluster-robust error",
    "naive": "least squares, children taken as independent",
    "mixed": "mixed model (statsmodels)",
    "ratio": "GEE ratio, corrected for few schools (statsmodels)",
    "permutation": "permutation test",
}


def main(arguments: list[str] | None = None) -> None:
    """Print one table for each example."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=400)
    asked = parser.parse_args(arguments)
    for name in ("parallel", "stepped-wedge"):
        protocol = read_protocol(Path(str(files("evi.casefinding.trials") / "examples" / f"{name}.yaml")))
        _table(protocol, protocol.primary, asked.trials)


def _table(protocol: Protocol, outcome: Outcome, trials: int) -> None:
    from scipy import stats

    outcome = replace(outcome, within_days=10_000)
    drawn, _ = allocate(protocol)
    on = switched_on(protocol, drawn.starts)
    sizes = np.repeat(np.array([int(each.size) for each in protocol.clusters])[:, None], on.shape[1], axis=1)
    rng = np.random.default_rng(7)
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in NAMES}
    began = time.process_time()
    for _ in range(trials):
        cluster, period, value = children_of(outcome, on, sizes, 0.0, rng)
        rows = pl.DataFrame({"cluster": cluster, "period": period, "value": value})
        cells = cells_of(rows)
        fit = ready(on, sizes, "children")
        own = fit.fit(cells.mean)
        naive = float(fit.naive_error(cells.mean, np.array([cells.squares.sum()]), float(sizes.sum()))[0])
        found["cr2"].append((float(own.value[0]), float(own.error[0]), float(own.p_value()[0])))
        found["naive"].append((float(own.value[0]), naive, _p(stats, float(own.value[0]), naive, 1e6)))
        for name, made in (
            ("library", models.fixed_effects(rows, on, "children")),
            ("mixed", models.mixed(rows, on, arm_level=False)),
            ("ratio", models.ratio(rows, on, outcome.kind, arm_level=False)),
        ):
            if not made.note:
                found[name].append((made.value, made.error, _p(stats, made.value, made.error, made.df)))
        p = permute(protocol, drawn.starts, cells, cells.n).p_value
        found["permutation"].append((np.nan, np.nan, p))
    print(f"\n{protocol.id}, {outcome.id}: {trials} trials, {time.process_time() - began:.0f} s CPU\n")
    print("| analysis | fitted | finds something | spread of estimates | mean error |")
    print("|---|---:|---:|---:|---:|")
    for name, words in NAMES.items():
        value, error, p_values = np.array(found[name]).T
        size = (p_values < protocol.alpha).mean()
        spread = "–" if name == "permutation" else f"{value.std():.4g}"
        mean = "–" if name == "permutation" else f"{error.mean():.4g}"
        print(f"| {words} | {len(value)} | {size:.1%} | {spread} | {mean} |")


def _p(stats: object, value: float, error: float, df: float) -> float:
    return float(2 * stats.t.sf(abs(value / error), df))  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
