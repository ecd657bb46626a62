"""Stated probabilities beside what held: classes of them, and how sure a share of a count is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geotagger.evaluation.completion_result import MethodResult

BINS = 10
"""Classes of stated probability, as many as the expected calibration error has."""


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Suggestions of about one stated probability: its mean, the share that held, how many."""

    stated: float
    held: float
    count: int


def reliability(method: MethodResult, bins: int = BINS) -> list[ReliabilityBin]:
    """Return what was stated beside what held, from the least sure suggestions to the surest.

    Classes without suggestions are left out; there are none for a method that states nothing.
    """
    if method.stated is None or method.held is None:
        return []
    number = np.minimum((method.stated * bins).astype(np.intp), bins - 1)
    return [
        ReliabilityBin(
            float(method.stated[number == one].mean()),
            float(method.held[number == one].mean()),
            int((number == one).sum()),
        )
        for one in range(bins)
        if (number == one).any()
    ]


def wilson(share: float, count: int, z: float = 1.96) -> tuple[float, float]:
    """Return the interval that holds the true share, with 95 % for the default ``z``.

    Wilson's score interval: never outside of 0 to 1, and right for few counts, too.
    """
    if count < 1:
        return 0.0, 1.0
    middle = share + z * z / (2 * count)
    reach = z * math.sqrt(share * (1.0 - share) / count + z * z / (4 * count * count))
    whole = 1.0 + z * z / count
    return max(0.0, (middle - reach) / whole), min(1.0, (middle + reach) / whole)
