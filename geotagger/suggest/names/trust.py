"""How far names are trusted: the numbers that were fitted, and where they are kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np

from geotagger.errors import ModelError
from geotagger.suggest.names.arrays import FloatArray
from geotagger.suggest.names.matches import FEATURES

FORMAT_VERSION = 1
_SHIPPED = "names.json"

BELIEFS = {
    "one": -1.5,
    "parent": -0.5,
    "file": -1.5,
    "caption": -0.5,
    "keyword": -0.5,
    "place": 3.0,
    "coverage": 2.5,
    "stop": -5.0,
    "everyday": -2.5,
    "unusual": -1.0,
    "person": -3.0,
    "several_words": 1.0,
    "size": 0.8,
    "other_name": -0.3,
    "short": -0.7,
    "lower_case": -1.0,
    "log_words": -0.3,
    "area": 0.5,
}
"""What was believed before anything was fitted; a fit is drawn towards it."""


@dataclass(frozen=True, slots=True)
class Trust:
    """The fitted numbers.

    ``weights`` (F,) of `FEATURES` give the log-odds that a name is meant; ``power`` says how much
    a larger place of the same name is preferred; ``kinds`` (4,) are log-odds by `SpotKind` that a
    name which is also one of a town means the other thing; ``spread`` (2,) takes radii of towns and
    of areas to the median distance of the photos that mean them; ``slip`` is the probability that a
    photo was taken elsewhere although all speaks for the name.
    """

    weights: FloatArray
    power: float
    kinds: FloatArray
    spread: FloatArray
    slip: float
    note: str = ""

    def to_json(self) -> str:
        """Return the text of a file."""
        whole = {
            "format_version": FORMAT_VERSION,
            "note": self.note,
            "weights": {
                name: round(float(value), 3)
                for name, value in zip(FEATURES, self.weights, strict=True)
            },
            "power": round(self.power, 3),
            "kinds": [round(float(value), 3) for value in self.kinds],
            "spread": [round(float(value), 3) for value in self.spread],
            "slip": round(self.slip, 4),
        }
        return json.dumps(whole, indent=1) + "\n"


def believed() -> Trust:
    """Return what was believed before anything was fitted."""
    return Trust(
        weights=np.array([BELIEFS[name] for name in FEATURES]),
        power=1.0,
        kinds=np.array([0.0, -1.5, 1.0, 0.5]),
        spread=np.array([0.8, 0.6]),
        slip=0.05,
    )


@cache
def shipped() -> Trust:
    """Return the numbers that come with the program."""
    entry = resources.files("resources") / "calibration" / _SHIPPED
    return parse(entry.read_text(encoding="utf-8"), Path(_SHIPPED))


def parse(text: str, path: Path) -> Trust:
    """Return the numbers in a text; ``path`` is named in errors.

    Raises
    ------
    ModelError
        The text does not hold them, or those of another version.
    """
    try:
        raw = json.loads(text)
        if raw["format_version"] != FORMAT_VERSION:
            raise ModelError("The trust in names is of another version.", path=path)
        trust = Trust(
            weights=np.array([raw["weights"][name] for name in FEATURES], np.float64),
            power=float(raw["power"]),
            kinds=np.array(raw["kinds"], np.float64),
            spread=np.array(raw["spread"], np.float64),
            slip=float(raw["slip"]),
            note=str(raw["note"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"The trust in names is damaged ({error!r}).", path=path) from error
    shapes = trust.kinds.shape, trust.spread.shape
    numbers = np.concatenate([trust.weights, trust.kinds, trust.spread, [trust.power, trust.slip]])
    sound = bool(np.isfinite(numbers).all() and (trust.spread > 0).all() and 0 < trust.slip < 1)
    if shapes != ((4,), (2,)) or not sound:
        raise ModelError("The trust in names is damaged.", path=path)
    return trust
