"""PlaNet's Table 2b on simulated albums: every sequence system beside the paper's own figures.

All systems see the same fresh test albums, every photo of which counts; the answer is the mean
place of the likeliest cell. The simulation's single-image model is made to be as good as PlaNet's,
so the other rows say what an album adds, not how good a backbone is.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.distance import haversine_m
from geotagger.errors import GeotaggerError
from geotagger.progress import CancelToken, Progress, ProgressCallback
from geotagger.training.album.albums import DrawnAlbum, Simulator
from geotagger.training.album.config import AlbumTraining

RADII_KM = (1.0, 25.0, 200.0, 750.0, 2500.0)
"""Street, city, region, country, continent."""

PAPER: dict[str, tuple[float, ...]] = {
    "single": (14.9, 20.3, 27.4, 42.0, 61.8),
    "avg": (22.2, 35.6, 51.4, 68.6, 82.7),
    "hmm": (23.3, 34.3, 47.1, 63.2, 79.5),
    "lstm": (32.0, 42.1, 57.9, 75.5, 87.9),
    "lstm-off1": (30.9, 41.0, 56.9, 74.5, 85.4),
    "lstm-off2": (29.9, 40.0, 55.8, 73.4, 85.9),
    "lstm-rep": (34.5, 45.6, 62.6, 79.3, 90.5),
    "lstm-rep-25": (28.3, 37.5, 49.9, 68.9, 82.0),
    "blstm-25": (33.0, 43.0, 56.7, 73.2, 86.1),
}
"""PlaNet, Table 2b: per cent of photos within the radii."""

NETWORKS = ("lstm", "lstm-off1", "lstm-off2", "lstm-rep", "lstm-rep-25", "blstm-25", "blstm")
"""The systems that are trained, beside the single-image model; each has a configuration."""
ROWS = (
    "single",
    "avg",
    "hmm",
    "hmm-fb",
    *NETWORKS,
    "blstm-geo",
    "smoother",
    "blstm+smoother",
)

_TEST, _VALIDATION, _COUNTING = 201, 202, 203
"""Streams of albums, apart from those of training."""
_COUNTED_ALBUMS = 4000
_FITTED_ALBUMS = 30

Row = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class AlbumTable:
    """Per cent of photos within `RADII_KM` for each system and seed.

    Attributes
    ----------
    rows
        For each system one row per seed.
    photos, albums
        How many were tested with each seed.
    cells
        Classes of the partition.
    weights
        Fitted weights of the smoothers, by system and seed: after a pause, within a minute.
    """

    rows: Mapping[str, tuple[Row, ...]]
    photos: int
    albums: int
    cells: int
    weights: Mapping[str, tuple[tuple[float, float], ...]]

    def mean(self, system: str) -> Row:
        """Return the mean over the seeds."""
        return tuple(statistics.fmean(values) for values in zip(*self.rows[system], strict=True))

    def gain(self, system: str) -> float:
        """Return the relative gain over the single image at 1 km, per cent."""
        return 100.0 * (self.mean(system)[0] / self.mean("single")[0] - 1.0)

    def text(self) -> str:
        """Return the table for people, the paper's figures on the right."""
        seeds = len(self.rows["single"])
        lines = [
            f"{self.albums} simulated albums, {self.photos} photos, {self.cells} cells, "
            f"{seeds} seed{'s' if seeds > 1 else ''}; % within "
            + " / ".join(f"{radius:g}" for radius in RADII_KM)
            + " km",
            f"{'system':16}{'ours':38}{'± at 1 km':12}{'gain at 1 km':14}the paper",
        ]
        for system in [one for one in ROWS if one in self.rows]:
            spread = [row[0] for row in self.rows[system]]
            paper = PAPER.get(system)
            lines.append(
                f"{system:16}{_figures(self.mean(system)):38}"
                f"{(max(spread) - min(spread)) / 2:<12.1f}{self.gain(system):<+14.0f}"
                f"{_figures(paper) if paper else '–'}"
            )
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return the table for programs."""
        return {
            "radii_km": RADII_KM,
            "albums": self.albums,
            "photos": self.photos,
            "cells": self.cells,
            "ours": {name: [list(row) for row in rows] for name, rows in self.rows.items()},
            "paper": {name: list(row) for name, row in PAPER.items()},
            "smoother_weights": {name: list(one) for name, one in self.weights.items()},
        }


def within(simulator: Simulator, albums: Sequence[DrawnAlbum], classes: NDArray[np.int64]) -> Row:
    """Return per cent of photos whose cell's mean place is within the radii of the truth."""
    lat = np.concatenate([one.lat for one in albums])
    lon = np.concatenate([one.lon for one in albums])
    cells = simulator.partition
    km = haversine_m(lat, lon, cells.mean_lat[classes], cells.mean_lon[classes]) / 1000.0
    return tuple(100.0 * float(np.mean(km <= radius)) for radius in RADII_KM)


def evaluate_albums(
    simulator: Simulator,
    configs: Mapping[str, AlbumTraining],
    *,
    seeds: Sequence[int] = (0, 1),
    albums: int = 300,
    work: Path | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> AlbumTable:
    """Return Table 2b: systems trained and tested once per seed.

    Parameters
    ----------
    configs
        By name: "single" and any of the other rows that are networks.
    albums
        Test albums of each seed.
    work
        Where the states of training are kept, so that a stopped run goes on; None keeps none.

    Raises
    ------
    GeotaggerError
        There is no configuration of the single-image model, or one reads other albums.
    ModelError
        ``work`` holds states of other configurations.
    CancelledError
        The token was cancelled.
    """
    if "single" not in configs:
        raise GeotaggerError("The table needs the configuration of the single-image model.")
    for name, config in configs.items():
        if config.model.beliefs or config.simulation != configs["single"].simulation:
            raise GeotaggerError(
                f"{name} does not read the albums of the table.",
                remedy="Compare systems of one simulation that read the backbone's vectors.",
            )
    rows: dict[str, list[Row]] = {}
    weights: dict[str, list[tuple[float, float]]] = {}
    photos = 0
    for seed in seeds:
        one = _Seed(simulator, seed, albums, work, cancel, progress)
        photos = one.photos
        for system, (row, weight) in one.run(configs).items():
            rows.setdefault(system, []).append(row)
            if weight is not None:
                weights.setdefault(system, []).append(weight)
    return AlbumTable(
        {name: tuple(found) for name, found in rows.items()},
        photos,
        albums,
        simulator.partition.size,
        {name: tuple(found) for name, found in weights.items()},
    )


class _Seed:
    """One round: test albums of its own, all systems trained with the seed."""

    def __init__(
        self,
        simulator: Simulator,
        seed: int,
        albums: int,
        work: Path | None,
        cancel: CancelToken | None,
        progress: ProgressCallback | None,
    ) -> None:
        self._simulator = simulator
        self._seed = seed
        self._work = work
        self._cancel = cancel
        self._progress = progress
        self._kept: tuple[list[NDArray[np.int32]], list[NDArray[np.float64]]] | None = None
        self._test = simulator.draw(albums, (_TEST, seed))
        self._held_out = simulator.draw(_FITTED_ALBUMS, (_VALIDATION, seed))
        self.photos = sum(len(one.photos) for one in self._test)

    def run(
        self, configs: Mapping[str, AlbumTraining]
    ) -> dict[str, tuple[Row, tuple[float, float] | None]]:
        from geotagger.training.album.loop import train

        found: dict[str, tuple[Row, tuple[float, float] | None]] = {}
        single = None
        order = ["single", *(name for name in configs if name != "single")]
        for name in order:
            config = configs[name]
            settings = replace(config.training, seed=self._seed)
            trained = train(
                replace(config, training=settings),
                self._simulator,
                out=None if self._work is None else self._work / f"{name}-{self._seed}",
                # Heads without weights per cell have a single-image model of their own.
                single=single if config.model.head == "softmax" else None,
                progress=self._named(name),
                cancel=self._cancel,
            )
            test = _posteriors(trained, self._test)
            found[name] = self._row(test), None
            if name == "single":
                single = trained
                held_out = _posteriors(trained, self._held_out)
                found |= {"avg": (self._row(list(map(_mean, test))), None)}
                found |= self._hidden_markov(test)
                found["smoother"] = self._smoothed(held_out, test)
            elif name == "blstm":
                held_out = _posteriors(trained, self._held_out)
                found["blstm+smoother"] = self._smoothed(held_out, test)
        return found

    def _row(self, log_posteriors: Sequence[NDArray[Any]]) -> Row:
        best = np.concatenate([rows.argmax(axis=1) for rows in log_posteriors])
        return within(self._simulator, self._test, best)

    def _counted(self) -> tuple[list[NDArray[np.int32]], list[NDArray[np.float64]]]:
        """Return cells and gaps of the albums that transitions are counted over."""
        if self._kept is None:
            # Drawn in parts, so that no more than one part's vectors are in memory.
            albums = [
                (album.classes, album.photos.gaps)
                for part in range(_COUNTED_ALBUMS // 100)
                for album in self._simulator.draw(100, (_COUNTING, self._seed, part))
            ]
            self._kept = [one for one, _ in albums], [gaps for _, gaps in albums]
        return self._kept

    def _hidden_markov(
        self, test: Sequence[NDArray[np.float32]]
    ) -> dict[str, tuple[Row, tuple[float, float] | None]]:
        from geotagger.models.album.hmm import CountedHmm, forward_backward_all

        size = self._simulator.partition.size
        model = CountedHmm.count(self._counted()[0], size)
        ways = model.transitions().astype(np.float32)
        best, smooth = [], []
        for start in range(0, len(test), 50):
            self._tell("hmm", start, len(test))
            emissions = [model.emissions(rows) for rows in test[start : start + 50]]
            best += [model.viterbi(rows) for rows in emissions]
            same = [np.zeros(len(rows), np.int64) for rows in emissions]
            found = forward_backward_all(emissions, same, model.log_prior, lambda _: ways)
            smooth += [rows.argmax(axis=1) for rows in found]
        return {
            "hmm": (within(self._simulator, self._test, np.concatenate(best)), None),
            "hmm-fb": (within(self._simulator, self._test, np.concatenate(smooth)), None),
        }

    def _smoothed(
        self, held_out: Sequence[NDArray[np.float32]], test: Sequence[NDArray[np.float32]]
    ) -> tuple[Row, tuple[float, float]]:
        from geotagger.models.album.smoother import Smoother, count_moves, fit_weights

        cells = self._simulator.partition
        moves = count_moves(*self._counted(), cells.mean_lat, cells.mean_lon)
        smoother = Smoother(cells.mean_lat, cells.mean_lon, self._simulator.log_prior, moves)
        weights = fit_weights(
            smoother,
            held_out,
            [one.photos.gaps for one in self._held_out],
            [one.classes for one in self._held_out],
        )
        best: list[NDArray[Any]] = []
        for start in range(0, len(test), 50):
            self._tell("smoother", start, len(test))
            part = slice(start, start + 50)
            gaps = [one.photos.gaps for one in self._test[part]]
            found = smoother.smooth_all(test[part], gaps, weights)
            best += [rows.argmax(axis=1) for rows in found]
        row = within(self._simulator, self._test, np.concatenate(best))
        return row, (weights.fresh, weights.burst)

    def _named(self, name: str) -> Callable[[Progress], None]:
        def tell(progress: Progress) -> None:
            if self._progress is not None:
                what = f"Training {name}, seed {self._seed}"
                self._progress(replace(progress, what=what))

        return tell

    def _tell(self, name: str, done: int, total: int) -> None:
        if self._cancel is not None:
            self._cancel.raise_if_cancelled()
        if self._progress is not None:
            self._progress(Progress(done, total, f"Testing {name}, seed {self._seed}"))


def _posteriors(trained: Any, albums: Sequence[DrawnAlbum]) -> list[NDArray[np.float32]]:
    """Return log-posteriors (N, C) of a trained network for each album."""
    import torch

    from geotagger.models.album.network import vectors_of

    device = next(trained.network.parameters()).device
    found = vectors_of(trained.network, [one.photos for one in albums], device=device)
    with torch.inference_mode():
        return [
            torch.log_softmax(trained.head(torch.from_numpy(rows).to(device)), dim=1).cpu().numpy()
            for rows in found
        ]


def _mean(log_posterior: NDArray[np.float32]) -> NDArray[Any]:
    """Return the mean of an album's confidences for each photo ("PlaNet avg")."""
    mean = np.exp(log_posterior.astype(np.float64)).mean(axis=0)
    return np.broadcast_to(mean, log_posterior.shape)


def _figures(row: Row) -> str:
    return " / ".join(f"{value:4.1f}" for value in row)
