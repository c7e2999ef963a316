"""Plausible spines: what would be counted if the links in doubt had fallen otherwise.

A draw decides every link in doubt (`evi.linkage.drawing`), after it has drawn how far such links are to be
trusted, how many records no block found, and who was written down twice (`evi.linkage.beliefs`), as a trial
on records with hidden numbers has taught (`evi.linkage.trial`). So a draw carries the doubt about links and
about the engine that made them. It does not undo links that are taken for certain.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from evi.linkage.beliefs import KINDS, Beliefs, trust_in
from evi.linkage.draw_figures import children_of, figures, summary
from evi.linkage.drawing import Pieces, draw, pieces_of, subjects_in
from evi.linkage.trial import SEVERAL, Trial, hold_trial
from evi.linkage.unfound import Lone, given_away, lone_records
from evi.workspace import SILENT, District, EviError, Progress, StageResult, replace_dir

SEED = 20_260_831
DRAWS = 20
FOLDER = "draws"
_WORTH_A_LOOK = 0.005  # pairs inside a feed whose way of agreeing is one person less often are left out


@dataclass(frozen=True)
class Stakes:
    """All that draws of one spine have in common.

    Attributes:
        people: feed, person, subject_id of the spine.
        known: feed, person, piece of the records that may be moved; pieces: the same as pieces.
        twice: left, right (positions of pieces), bit, pattern, sure: who may be written down twice.
        lone: the records of each feed that stand alone.
        beliefs: what the trial taught.
    """

    people: pl.DataFrame
    known: pl.DataFrame
    pieces: Pieces
    twice: pl.DataFrame
    lone: dict[str, Lone]
    beliefs: Beliefs

    @classmethod
    def of(cls, spine: dict[str, pl.DataFrame], trial: Trial) -> Stakes:
        """From the tables people, subjects, pieces and doubts of a spine, and a trial of its links."""
        people = spine["people"].select("feed", "person", "subject_id")
        beliefs = Beliefs.learned(trial)
        twice = _likely(trial.twice, beliefs)
        known = _with_whole_subjects(spine["pieces"], people, twice)
        pieces = pieces_of(people, known, spine["doubts"])
        doubtful = set(pieces.subject.tolist())
        return cls(
            people,
            known,
            pieces,
            _placed(twice, known, pieces, people),
            lone_records(people, spine["subjects"], doubtful),
            beliefs,
        )

    def changes(self, number: int, seed: int = SEED) -> pl.DataFrame:
        """feed, person, subject_id of the records that a draw gives to another subject than the spine.

        The same number and seed give the same draw, whatever other draws are made.
        """
        rng = np.random.default_rng([seed, number])
        feeds = [*self.people["feed"].unique().sort().to_list(), SEVERAL]
        trust = trust_in(self.beliefs.trust, feeds, rng)
        one_person = self.beliefs.doubling.sample(self.twice["pattern"].to_list(), rng)
        chance = [
            p if p is not None else one_person[name]
            for p, name in self.twice.select("sure", "pattern").rows()
        ]
        chosen = self.twice.filter(
            pl.Series(rng.random(len(chance)) < np.array(chance, float), dtype=pl.Boolean)
        )
        roots = draw(self.pieces, rng, trust, chosen.select("left", "right", "bit").rows())
        named = pl.DataFrame({"piece": self.pieces.names, "drawn": subjects_in(self.pieces, roots)})
        moved = (
            self.known.join(named, on="piece")
            .join(self.people, on=["feed", "person"])
            .filter(pl.col("drawn") != pl.col("subject_id"))
            .select("feed", "person", subject_id="drawn")
        )
        given = given_away(self.lone, self.beliefs.blindness, rng)
        return pl.concat([moved, given]).sort("feed", "person")  # fmt: skip


def _likely(twice: pl.DataFrame, beliefs: Beliefs) -> pl.DataFrame:
    """The pairs inside feeds that are one person often enough to be drawn."""
    mean = {}
    for pattern in twice["pattern"].unique().to_list():
        same, different = beliefs.doubling.parameters(pattern)
        mean[pattern] = same / (same + different)
    often = pl.col("pattern").replace_strict(mean, default=0.0, return_dtype=pl.Float64) >= _WORTH_A_LOOK
    return twice.filter(pl.col("sure").is_not_null() | often)


def _with_whole_subjects(known: pl.DataFrame, people: pl.DataFrame, twice: pl.DataFrame) -> pl.DataFrame:
    """The pieces of the spine, and, each as a piece, the subjects whose records may be written down twice.

    A piece is named after its first record, counted in the order of the spine.
    """
    ends = pl.concat([twice.select("feed", "person"), twice.select("feed", person="other")])
    subjects = people.join(ends, on=["feed", "person"], how="semi").select("subject_id").unique()
    whole = (
        people.sort("feed", "person")
        .with_row_index("piece")
        .join(subjects, on="subject_id", how="semi")
        .join(known, on=["feed", "person"], how="anti")
        .with_columns(piece=pl.col("piece").cast(pl.Int64).min().over("subject_id"))
    )
    return pl.concat(
        [
            known.select("feed", "person", pl.col("piece").cast(pl.Int64)),
            whole.select("feed", "person", "piece"),
        ]
    )


def _placed(twice: pl.DataFrame, known: pl.DataFrame, pieces: Pieces, people: pl.DataFrame) -> pl.DataFrame:
    """left, right (positions), bit of the feed, pattern and sure of the pairs of two pieces."""
    bits = {feed: 1 << n for n, feed in enumerate(sorted(people["feed"].unique().to_list()))}
    placed = twice.join(known, on=["feed", "person"]).join(
        known.rename({"piece": "piece_other", "person": "other"}), on=["feed", "other"]
    )
    left, right = (
        np.searchsorted(pieces.names, placed[name].to_numpy()) for name in ("piece", "piece_other")
    )
    return placed.select(
        pl.Series("left", left, pl.Int64),
        pl.Series("right", right, pl.Int64),
        pl.col("feed").replace_strict(bits, return_dtype=pl.Int64).alias("bit"),
        "pattern",
        "sure",
    ).filter(pl.col("left") != pl.col("right")).sort("left", "right", "bit", "pattern")  # fmt: skip


def make_draws(district: District, draws: int, seed: int = SEED, progress: Progress = SILENT) -> StageResult:
    """Write `draws/people.parquet` (draw, feed, person, subject_id, where it is not the spine's),
    `draws/figures.parquet` (figure, spine, mean, sd, low, high: 90% of the draws, draw by draw in `values`)
    and `draws/trial.json` (what the trial on hidden numbers found).

    Raises:
        EviError: there is no spine, or fewer than two draws are asked for.
    """
    if draws < 2:
        raise EviError("one draw shows no variation.", where="--draws", do="Ask for 20.", exit_code=2)
    spine = {name: _read(district, name) for name in ("people", "subjects", "pieces", "doubts")}
    trial = hold_trial(district, progress)
    stakes = Stakes.of(spine, trial)
    children = children_of(spine["subjects"], spine["people"])
    changed, counted = [], []
    with progress.task("Draws of the spine", draws) as advance:
        for number in range(draws):
            moved = stakes.changes(number, seed)
            changed.append(
                moved.select(pl.lit(number).cast(pl.Int32).alias("draw"), "feed", "person", "subject_id")
            )
            counted.append(figures(redrawn(stakes.people, moved), children))
            advance(1)
    table = summary(figures(stakes.people, children), counted)
    with replace_dir(district.root / FOLDER) as folder:
        pl.concat(changed).write_parquet(folder / "people.parquet", compression="zstd")
        table.write_parquet(folder / "figures.parquet", compression="zstd")
        text = json.dumps(_told(trial, stakes.beliefs), indent=1, sort_keys=True)
        (folder / "trial.json").write_text(text + "\n", encoding="utf-8")
    return StageResult(
        "draws",
        {
            "draws": draws,
            "links_in_doubt": spine["doubts"].height,
            "records_tried": int(trial.found["hidden"].sum()),
            "records_moved": sum(one.height for one in changed),
        },
        notes=[] if trial.found.height else [_NOTHING_TRIED],
    )


_NOTHING_TRIED = (
    "Links in doubt could not be tried on hidden numbers: the codes were deleted, or nobody holds a number. "
    "The draws are wider for it."
)


def _told(trial: Trial, beliefs: Beliefs) -> dict[str, object]:
    """What `trial.json` says."""
    bands = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 0.99, 1.0)
    judged = []
    for kind in KINDS:
        of_kind = trial.judged.filter(pl.col("how") == kind)
        for low, high in pairwise(bands):
            band = of_kind.filter((pl.col("p") > low) & (pl.col("p") <= high))
            if band.height:
                judged.append(
                    {
                        "links": kind,
                        "above": low,
                        "up_to": high,
                        "pieces": band.height,
                        "promised": round(float(band["p"].sum()), 2),
                        "right": int(band["same"].sum()),
                    }
                )
    trust = {}
    for kind, of in beliefs.trust.items():
        fit = of.likeliest
        sd = np.sqrt(np.diag(fit.covariance))
        trust[kind] = {
            "shift": [round(float(fit.mean[0]), 3), round(float(sd[0]), 3)],
            "slope": [round(float(fit.mean[1]), 3), round(float(sd[1]), 3)],
            "spread_of_feeds": fit.spread_of_feeds,
            "feeds": {feed: round(float(own), 3) for feed, own in zip(of.feeds, fit.mean[2:], strict=True)},
        }
    return {
        "about": "Numbers hidden, everybody linked again: see docs/linkage-draws.md.",
        "judged": judged,
        "trust": trust,
        "found": trial.found.to_dicts(),
        "written_down_twice": trial.alike.to_dicts(),
    }


def _read(district: District, name: str) -> pl.DataFrame:
    path = district.spine / f"{name}.parquet"
    if not path.is_file():
        raise EviError("nobody is linked yet.", where=str(path), do="Run `evi link` first.", exit_code=2)
    return pl.read_parquet(path)


def redrawn(people: pl.DataFrame, moved: pl.DataFrame) -> pl.DataFrame:
    """feed, person and subject of every record in a draw: how any table keyed by record is counted again."""
    return people.select("feed", "person", "subject_id").join(
        moved.rename({"subject_id": "drawn"}), on=["feed", "person"], how="left"
    ).select("feed", "person", subject_id=pl.coalesce("drawn", "subject_id"))  # fmt: skip


def subjects_on_draw(district: District, number: int) -> pl.DataFrame:
    """feed, person, subject_id of every record on draw `number` (from 0), in the order of the spine.

    Subjects that are in no spine are negative. Any table keyed by record can be counted again with it.

    Raises:
        EviError: no such draw was made.
    """
    path = district.root / FOLDER / "people.parquet"
    figures_path = path.with_name("figures.parquet")
    made = 0
    if path.is_file() and figures_path.is_file():
        made = len(pl.read_parquet(figures_path, columns=["values"], n_rows=1)["values"][0])
    if not 0 <= number < made:
        raise EviError(
            f"there is no draw {number}: {made} were made.",
            where=str(path),
            do="Run `evi link --draws 20` first; draws are numbered from 0.",
            exit_code=2,
        )
    moved = pl.read_parquet(path).filter(pl.col("draw") == number).drop("draw")
    return redrawn(_read(district, "people"), moved)
