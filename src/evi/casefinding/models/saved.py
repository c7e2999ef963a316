"""A model kept as readable JSON: what it reads, how it adds up, how it was tried; scored again bit for bit.

No program is stored, only numbers and words, so that people and later versions can read a model.
The file holds a hash of all that it says; one that was changed by hand is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.casefinding.models.features import features_for
from evi.casefinding.models.fitting import Model, read_model
from evi.casefinding.models.rows import rows_on
from evi.casefinding.rules import load_rules
from evi.workspace import District, EviError, replace_file

FORMAT = "evi-model/1"
USE = "It only puts a work list in order. What it gives is never shown as a chance of anything for a child."


@dataclass(frozen=True)
class Saved:
    """A model read back.

    Attributes:
        rule, rule_digest: the rule whose list it orders, as `id vN`, and the hash of that rule.
        offered, sentence: whether it may be used, and why.
        about: everything else that its file says. digest: hash of the whole.
    """

    model: Model
    rule: str
    rule_digest: str
    offered: bool
    sentence: str
    about: Mapping[str, Any]
    digest: str


def digest_of(document: Mapping[str, Any]) -> str:
    """Hash of a document, its own `digest` left out."""
    rest = {name: value for name, value in document.items() if name != "digest"}
    text = json.dumps(rest, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def write_model(document: dict[str, Any], path: Path) -> str:
    """Write a model's document with its digest, which is returned."""
    document = _plain(document | {"format": FORMAT, "use": USE})
    document["digest"] = digest_of(document)
    with replace_file(path) as scratch:
        text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
        scratch.write_text(text + "\n", encoding="utf-8")
    return str(document["digest"])


def _plain(value: Any) -> Any:
    """Plain JSON: what is not a number becomes null, and a date its ISO form."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return float(value) if np.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def load_model(path: Path) -> Saved:
    """Read a model back.

    Raises:
        EviError: it can't be read, is of another format, or was changed since it was written.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        found = str(document["digest"])
        if document["format"] != FORMAT:
            raise KeyError("format")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EviError(
            f"it can't be read as a model of the format {FORMAT}.",
            where=str(path),
            do="Make it again: `evi casefind model`.",
        ) from error
    if digest_of(document) != found:
        raise EviError("it was changed after it was written.", where=str(path), do="Make it again.")
    return Saved(
        read_model(document["model"]),
        document["rule"]["label"],
        document["rule"]["digest"],
        bool(document["verdict"]["offered"]),
        document["verdict"]["sentence"],
        document,
        found,
    )


def put_in_order(saved: Saved, district: District, day: date) -> pl.DataFrame:
    """Children whom the rule flags on a day, in the model's order: the first is to be seen first.

    Children of whom the model can say nothing come last, by how far past the rule's line they are.

    Returns:
        subject_id and place (1, 2, ...); no chance and no score.

    Raises:
        EviError: the model isn't offered, or its rule or features are no longer what it was made with.
    """
    if not saved.offered:
        raise EviError(saved.sentence, where="the model", do="Use the rule's own order.", exit_code=2)
    rules = {rule.label: rule for rule in load_rules(district).values()}
    rule = rules.get(saved.rule)
    if rule is None or rule.digest != saved.rule_digest:
        raise EviError(
            f"the rule {saved.rule} has changed since the model was made.",
            where="the model",
            do="Make the model again beside the rule as it is now.",
            exit_code=2,
        )
    kept = [row["name"] for row in saved.about["features"]]
    features = tuple(each for each in features_for(rule) if each.name in kept)
    if [each.to_json() for each in features] != list(saved.about["features"]):
        raise EviError(
            "what the features read has changed since.", where="the model", do="Make it again.", exit_code=2
        )
    rows = rows_on(district, rule, day, features).filter("flagged")
    score = saved.model.score(rows)
    known = np.isnan(score).astype(np.int8)
    order: npt.NDArray[Any] = np.lexsort(
        (rows["subject_id"].to_numpy(), -rows["margin"].to_numpy(), -np.nan_to_num(score), known)
    )
    return pl.DataFrame(
        {"subject_id": rows["subject_id"].to_numpy()[order], "place": np.arange(1, len(order) + 1)}
    )
