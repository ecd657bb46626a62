"""The numbers that were fitted on real albums: weights of evidence, motion, honesty of radii."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from geotagger.errors import ModelError
from geotagger.suggest import terms
from geotagger.suggest.motion import KERNEL_TERMS, SCALES_M
from geotagger.suggest.scene import FloatArray

FORMAT_VERSION = 2

MODES = ("time+look", "time", "look", "album")
"""What is known of a photo: its time, its looks, both, or only its album."""

_SHIPPED = "albums.json"
_BASE = "traces.json"


@dataclass(frozen=True, slots=True)
class ModeCalibration:
    """What was fitted for photos of one mode.

    ``weights`` (T,) of the terms of `terms.names`; ``floor`` the logit of "anywhere on
    earth"; ``kernel`` (K, S) takes the terms of `motion.KERNEL_TERMS` to logits of the S rings;
    ``raw`` and ``true`` (L,) ascend from 0 to 1: a disc around the best place that holds ``raw``
    of the fused distribution held ``true`` of the real places. That is for photos taken within
    minutes of an anchor; ``far_raw`` (L,) is the same for those hours or days from every one.
    """

    weights: FloatArray
    floor: float
    kernel: FloatArray
    raw: FloatArray
    true: FloatArray
    far_raw: FloatArray

    def honest(self, mass: FloatArray, far: FloatArray) -> FloatArray:
        """Return the share of photos for which a disc of a given fused mass holds the truth.

        ``mass`` is (H, R); ``far`` (H,) goes from 0 for photos near an anchor in time to 1.
        """
        near = np.interp(mass, self.raw, self.true)
        away = np.interp(mass, self.far_raw, self.true)
        return np.asarray(near + far[:, None] * (away - near), np.float64)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A `ModeCalibration` for each of `MODES`, and a note on how they were fitted."""

    modes: tuple[ModeCalibration, ...]
    note: str

    def to_json(self) -> str:
        """Return the text of a calibration file."""
        names = terms.names()
        modes = {}
        for name, mode in zip(MODES, self.modes, strict=True):
            modes[name] = {
                "weights": dict(zip(names, _rounded(mode.weights), strict=True)),
                "floor": round(mode.floor, 4),
                "kernel": {
                    term: _rounded(row) for term, row in zip(KERNEL_TERMS, mode.kernel, strict=True)
                },
                "raw": _rounded(mode.raw, 7),
                "true": _rounded(mode.true, 7),
                "far_raw": _rounded(mode.far_raw, 7),
            }
        whole = {
            "format_version": FORMAT_VERSION,
            "note": self.note,
            "scales_m": SCALES_M.tolist(),
            "modes": modes,
        }
        return json.dumps(whole, indent=1) + "\n"


def _rounded(values: FloatArray, digits: int = 4) -> list[float]:
    return [round(float(value), digits) for value in values]


@cache
def shipped() -> Calibration:
    """Return the calibration that comes with the program."""
    return _resource(_SHIPPED)


@cache
def base() -> Calibration:
    """Return the calibration fitted on traces without photos, from which a fit starts."""
    return _resource(_BASE)


def _resource(name: str) -> Calibration:
    entry = resources.files("resources") / "calibration" / name
    return parse(entry.read_text(encoding="utf-8"), Path(name))


def load(path: Path) -> Calibration:
    """Return the calibration in a file.

    Raises
    ------
    ModelError
        The file is missing, damaged, or made by another version.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError("The calibration cannot be read.", path=path) from error
    return parse(text, path)


def parse(text: str, path: Path) -> Calibration:
    """Return the calibration in a text; ``path`` is named in errors.

    Raises
    ------
    ModelError
        The text is no calibration of this version.
    """
    try:
        raw = json.loads(text)
        if raw["format_version"] != FORMAT_VERSION or raw["scales_m"] != SCALES_M.tolist():
            raise ModelError("The calibration is of another version.", path=path)
        modes = tuple(_mode(raw["modes"][name]) for name in MODES)
        return Calibration(modes, str(raw["note"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"The calibration is damaged ({error!r}).", path=path) from error


def _mode(raw: dict[str, Any]) -> ModeCalibration:
    mode = ModeCalibration(
        weights=np.array([raw["weights"][name] for name in terms.names()], np.float64),
        floor=float(raw["floor"]),
        kernel=np.array([raw["kernel"][name] for name in KERNEL_TERMS], np.float64),
        raw=np.array(raw["raw"], np.float64),
        true=np.array(raw["true"], np.float64),
        far_raw=np.array(raw["far_raw"], np.float64),
    )
    if mode.kernel.shape != (len(KERNEL_TERMS), len(SCALES_M)):
        raise ValueError(f"the kernel has the shape {mode.kernel.shape}")
    for levels in (mode.raw, mode.true, mode.far_raw):
        if len(levels) != len(mode.raw) or len(levels) < 2 or bool((np.diff(levels) < 0).any()):
            raise ValueError("the levels must ascend")
    levels = np.concatenate([mode.raw, mode.true, mode.far_raw])
    numbers = np.concatenate([mode.weights, mode.kernel.ravel(), levels, [mode.floor]])
    if not np.isfinite(numbers).all():
        raise ValueError("a number is not finite")
    return mode
