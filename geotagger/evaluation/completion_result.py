"""What an evaluation of completion found, as numbers and as a table for people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geotagger.evaluation.hidings import RULES, Way
from geotagger.suggest.scene import FloatArray

WITHIN_KM = (0.1, 1.0, 25.0, 200.0, 750.0)
LEVELS = (0.5, 0.8, 0.95)


@dataclass(frozen=True, slots=True)
class MethodResult:
    """What one method reached on all hidden photos.

    ``error_m`` (N,) are the distances to the truth, infinite where the method gave no place;
    ``radius_m`` (N, L) are the stated radii of `LEVELS`, None for methods that state none.
    ``stated`` (N,) and ``held`` (N,) are the probabilities of the best candidates and whether the
    truth was within their radius.
    """

    error_m: FloatArray
    radius_m: FloatArray | None = None
    stated: FloatArray | None = None
    held: NDArray[np.bool_] | None = None

    @property
    def within_km(self) -> dict[str, float]:
        """Per cent of the photos placed within each distance."""
        return {
            f"{km:g}": round(100.0 * float((self.error_m <= km * 1e3).mean()), 2)
            for km in WITHIN_KM
        }

    @property
    def median_km(self) -> float | None:
        """The median error; None where half of the photos or more got no place."""
        median = float(np.median(self.error_m)) / 1e3
        return round(median, 4) if math.isfinite(median) else None

    @property
    def radius_holds(self) -> dict[str, float]:
        """Per cent of the photos whose truth lies within the stated radius of each level."""
        if self.radius_m is None:
            return {}
        holds = (self.error_m[:, None] <= self.radius_m).mean(axis=0)
        return {
            f"{level:g}": round(100.0 * float(share), 2)
            for level, share in zip(LEVELS, holds, strict=True)
        }

    @property
    def calibration_error(self) -> float | None:
        """Expected calibration error of the best candidates' probabilities, in ten bins."""
        if self.stated is None or self.held is None:
            return None
        bins = np.minimum((self.stated * 10).astype(np.intp), 9)
        total = 0.0
        for number in range(10):
            inside = bins == number
            if inside.any():
                gap = abs(float(self.stated[inside].mean() - self.held[inside].mean()))
                total += gap * float(inside.mean())
        return round(total, 4)

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as JSON values."""
        out: dict[str, Any] = {"within_km": self.within_km, "median_km": self.median_km}
        if self.radius_m is not None:
            out["radius_holds"] = self.radius_holds
            out["calibration_error"] = self.calibration_error
        return out


@dataclass(frozen=True, slots=True)
class ClockFound:
    """What was made of a second camera's clock: seconds to add, true and found.

    ``pairs`` are the look-alike pairs that agree; ``applied`` says that it was sure and mattered.
    """

    album: int
    true_s: float
    found_s: float
    probability: float
    pairs: int
    applied: bool

    @property
    def right(self) -> bool:
        """Whether it was recovered within five minutes."""
        return abs(self.found_s - self.true_s) <= 300.0


@dataclass(frozen=True, slots=True)
class CompletionResult:
    """An evaluation: the methods by name, and how it was done."""

    methods: dict[str, MethodResult]
    how: Way
    hide: float
    seeds: int
    albums: int
    photos: int
    hidden: int
    embedded: int
    model: str
    fitted: str
    library: bool = False
    clocks: tuple[ClockFound, ...] = ()

    @property
    def rule(self) -> str:
        """How the places were hidden, in words."""
        return RULES[self.how]

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return {
            "methods": {name: method.to_json() for name, method in self.methods.items()},
            "how": self.how.value,
            "hide": self.hide,
            "seeds": self.seeds,
            "albums": self.albums,
            "photos": self.photos,
            "hidden": self.hidden,
            "embedded": self.embedded,
            "model": self.model,
            "fitted": self.fitted,
            "library": self.library,
            "rule": self.rule,
            "clocks": [asdict(one) for one in self.clocks],
        }


def main_report(result: CompletionResult) -> str:
    """Return the result as a table for people."""
    width = max(len(name) for name in result.methods)
    head = "  ".join(f"{km:>6g}" for km in WITHIN_KM)
    lines = [
        f"{result.albums} albums, {result.photos} photos, {100 * result.hide:g} % hidden "
        f"({result.how.value}), "
        f"{result.seeds} seeds: {result.hidden} hidden places",
        f"model: {result.model or 'none'}"
        + (f", {result.embedded} photos embedded" if result.model else ""),
        f"fitted {result.fitted}",
        f"rule: {result.rule}",
        "beside it: "
        + ("the other albums, with all their places" if result.library else "nothing"),
        "",
        f"{'% within km':<{width}}  {head}  {'median km':>10}",
    ]
    for name, method in result.methods.items():
        cells = "  ".join(f"{share:6.1f}" for share in method.within_km.values())
        median = f"{method.median_km:10.3f}" if method.median_km is not None else f"{'-':>10}"
        lines.append(f"{name:<{width}}  {cells}  {median}")
    ours = result.methods["ours"]
    holds = ", ".join(
        f"{100 * float(level):g} % radius held {share:.1f} %"
        for level, share in ours.radius_holds.items()
    )
    lines += ["", f"ours: stated {holds}"]
    lines.append(
        "ours: expected calibration error of the best candidate's probability "
        f"{ours.calibration_error:.3f}"
    )
    if result.clocks:
        lines += ["", *_clock_lines(result.clocks)]
    return "\n".join(lines)


def _clock_lines(clocks: Sequence[ClockFound]) -> list[str]:
    """Return how often the second camera's clock was recovered within five minutes."""
    lines = []
    for name, some in (
        ("all", list(clocks)),
        ("with two look-alike pairs or more", [one for one in clocks if one.pairs >= 2]),
        ("sure enough to be applied", [one for one in clocks if one.applied]),
    ):
        right = sum(one.right for one in some)
        share = f" ({100 * right / len(some):.0f} %)" if some else ""
        lines.append(f"clock within 5 min, {name}: {right} of {len(some)}{share}")
    return lines
