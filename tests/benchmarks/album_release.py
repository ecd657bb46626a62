"""The shipped album model beside the world model alone and the smoother, where neither was trained.

python -m tests.benchmarks.album_release --shared ../shared --geo DIR [--model DIR]

Two tests. Simulated albums in a world whose spots were in no training; and the routes of real
albums and tracks: real times and places, with simulated photos of them, since no weights of a
world model's picture tower can be had here. Cells are the 4,814 that the program makes of the
gallery. The smoother's moves are counted on other simulated albums, its weights fitted on them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.distance import haversine_m
from geotagger.models.album.beliefs import beliefs
from geotagger.models.album.inputs import AlbumPhotos
from geotagger.models.album.network import vectors_of
from geotagger.models.album.release import SHIPPED, load_album_model
from geotagger.models.album.smoother import Smoother, Weights, count_moves
from geotagger.models.geo_space import GeoSpace, load_geo_space
from geotagger.models.world_load import world_partition
from geotagger.training.album.albums import DrawnAlbum, Simulator
from geotagger.training.album.belief_training import SimulatedWorldModel, build_worlds
from geotagger.training.album.config import find_config
from geotagger.training.album.emissions import emit
from geotagger.training.album.motion import MOVE_EDGES_M, Trace
from geotagger.training.album.trips import Trips
from geotagger.training.album.world import build_world
from tests.benchmarks.album_models import real_traces

RESULTS = Path(__file__).resolve().parent / "results"
NAME = "2026-11-21-album-release"
RADII_KM = (25.0, 200.0, 750.0, 2500.0)
NEW_WORLD = 50
MOST_PHOTOS = 100
BOTH = "album model + smoother"
WEIGHTS = (Weights(0.2, 0.1), Weights(0.5, 0.25), Weights(1.0, 0.5))
"""What is tried of the smoother; with 4,814 cells each try takes a while."""
FITTED = 12
"""Albums that the best of them is chosen on."""

Said = list[NDArray[np.float32]]


def real_routes(
    space: GeoSpace, traces: Sequence[Trace], world: SimulatedWorldModel, seed: int
) -> list[DrawnAlbum]:
    """Return real routes with simulated photos: their places are spots of a world of their own."""
    config = find_config("release").simulation
    parts = [tuple(one[:MOST_PHOTOS] for one in trace) for trace in traces if len(trace[0]) > 2]
    places = np.concatenate([np.stack(part[1:], axis=1) for part in parts])
    rng = np.random.default_rng([seed, 11])
    others = space.gallery[rng.permutation(len(space.gallery))[:2000]]
    gallery = np.concatenate((places.astype(np.float32), others))
    made = build_world(space.encoder, gallery, replace(config.world, spots=len(gallery)))
    trips = _trips(parts)
    said = emit(made, trips, rng, config.emissions)
    albums, at = [], 0
    for (seconds, lat, lon), noise in zip(parts, said.noise, strict=True):
        rows = slice(at, at + len(seconds))
        photos = AlbumPhotos(
            said.vectors[rows], seconds, np.zeros(len(seconds), np.bool_), float(noise)
        )
        albums.append(
            DrawnAlbum(photos, lat, lon, world.partition.classes_of(lat, lon), said.kinds[rows])
        )
        at = rows.stop
    return albums


def _trips(parts: Sequence[tuple[NDArray[np.float64], ...]]) -> Trips:
    lengths = np.array([len(part[0]) for part in parts])
    shape = (len(parts), int(lengths.max()))
    gaps, spots = np.zeros(shape), np.zeros(shape, np.intp)
    moved, zero = np.zeros(shape, np.bool_), np.zeros(shape)
    at = 0
    for row, (seconds, lat, lon) in enumerate(parts):
        count = len(seconds)
        gaps[row, 1:count] = np.diff(seconds)
        spots[row, :count] = np.arange(at, at + count)
        went = haversine_m(lat[1:], lon[1:], lat[:-1], lon[:-1]) > MOVE_EDGES_M[0]
        moved[row, 0], moved[row, 1:count] = True, went
        at += count
    return Trips(lengths, gaps, spots, zero, zero, moved)


def with_anchors(albums: Sequence[DrawnAlbum], space: GeoSpace, share: float) -> list[DrawnAlbum]:
    """Return the albums with a share of their photos, at random, known as anchors."""
    rng = np.random.default_rng(21)
    found = []
    for one in albums:
        flags = rng.random(len(one.photos)) < share
        rows = one.photos.vectors.copy()
        if flags.any():
            rows[flags] = space.encoder.encode(one.lat[flags], one.lon[flags])
        photos = replace(one.photos, vectors=rows, anchors=flags)
        found.append(replace(one, photos=photos))
    return found


class Systems:
    """The world model, the smoother, the album model, and the album model under the smoother."""

    def __init__(
        self, model: Path, world: SimulatedWorldModel, fitting: Sequence[DrawnAlbum]
    ) -> None:
        self._network = load_album_model(model).network
        self._world = world
        cells = world.partition
        classes = [cells.classes_of(one.lat, one.lon) for one in fitting]
        gaps = [one.photos.gaps for one in fitting]
        moves = count_moves(classes, gaps, cells.mean_lat, cells.mean_lon)
        self._smoother = Smoother(cells.mean_lat, cells.mean_lon, world.log_prior, moves)
        self.weights: dict[str, Weights] = {}
        few = fitting[:FITTED]
        for name, said in (("smoother", self.alone), (BOTH, self.album)):
            losses = []
            for weight in WEIGHTS:
                self.weights[name] = weight
                losses.append(self._row(few, self.smoothed(name, said)(few))[1])
            self.weights[name] = WEIGHTS[int(np.argmin(losses))]

    def alone(self, albums: Sequence[DrawnAlbum]) -> Said:
        """Return what the world model says of each photo."""
        return [self._world.log_probabilities(one.photos.vectors) for one in albums]

    def album(self, albums: Sequence[DrawnAlbum]) -> Said:
        """Return what the album model makes of it."""
        found = []
        for one, said in zip(albums, self.alone(albums), strict=True):
            rows = beliefs(said, self._world.vectors)
            flags = one.photos.anchors
            rows[flags] = one.photos.vectors[flags]
            read = replace(one.photos, vectors=rows, noise=0.0)
            logits = said + vectors_of(self._network, [read])[0] @ self._world.vectors.T
            top = logits.max(axis=1, keepdims=True)
            total = np.log(np.exp(logits - top).sum(axis=1, keepdims=True)) + top
            found.append(np.asarray(logits - total, np.float32))
        return found

    def average(self, albums: Sequence[DrawnAlbum]) -> Said:
        """Return the mean of each album's probabilities for all of its photos."""
        return [
            np.broadcast_to(np.log(np.exp(said).mean(axis=0) + 1e-30), said.shape)
            for said in self.alone(albums)
        ]

    def smoothed(
        self, name: str, said: Callable[[Sequence[DrawnAlbum]], Said]
    ) -> Callable[[Sequence[DrawnAlbum]], Said]:
        """Return a system with the smoother over it; anchors are heard as certain."""

        def run(albums: Sequence[DrawnAlbum]) -> Said:
            rows = said(albums)
            for one, each in zip(albums, rows, strict=True):
                truth = self._world.partition.classes_of(one.lat, one.lon)
                for at in np.flatnonzero(one.photos.anchors & (truth >= 0)):
                    each[at] = -40.0 + self._world.log_prior
                    each[at, truth[at]] = 0.0
            gaps = [one.photos.gaps for one in albums]
            found = self._smoother.smooth_all(rows, gaps, self.weights[name])
            return [np.log(np.maximum(one, 1e-30)).astype(np.float32) for one in found]

        return run

    def rows(self, albums: Sequence[DrawnAlbum]) -> dict[str, tuple[list[float], float]]:
        """Return per cent within `RADII_KM` and the mean −log p of the true cell, by system."""
        systems = {
            "world model alone": self.alone,
            "mean of the album": self.average,
            "smoother": self.smoothed("smoother", self.alone),
            "album model": self.album,
            BOTH: self.smoothed(BOTH, self.album),
        }
        return {name: self._row(albums, said(albums)) for name, said in systems.items()}

    def _row(self, albums: Sequence[DrawnAlbum], said: Said) -> tuple[list[float], float]:
        cells = self._world.partition
        km, losses = [], []
        for one, rows in zip(albums, said, strict=True):
            asked = ~one.photos.anchors
            best = rows[asked].argmax(axis=1)
            lat, lon = one.lat[asked], one.lon[asked]
            km.append(haversine_m(lat, lon, cells.mean_lat[best], cells.mean_lon[best]) / 1000.0)
            truth = cells.classes_of(lat, lon)
            held = np.flatnonzero(truth >= 0)
            losses.append(-rows[asked][held, truth[held]])
        joined = np.concatenate(km)
        hits = [100.0 * float(np.mean(joined <= radius)) for radius in RADII_KM]
        return hits, float(np.concatenate(losses).mean())


def lines_of(title: str, albums: Sequence[DrawnAlbum], systems: Systems) -> list[str]:
    """Return one table as Markdown."""
    asked = sum(int((~one.photos.anchors).sum()) for one in albums)
    lines = [
        f"## {title}",
        "",
        f"{len(albums)} albums, {asked:,} photos that are asked for. Per cent within "
        f"{' / '.join(f'{one:g}' for one in RADII_KM)} km; mean −log p of the true cell.",
        "",
        "| system | within | −log p |",
        "|---|---|---|",
    ]
    for name, (hits, loss) in systems.rows(albums).items():
        lines.append(f"| {name} | {' / '.join(f'{one:.1f}' for one in hits)} | {loss:.2f} |")
    return [*lines, ""]


def report(options: argparse.Namespace) -> list[str]:
    """Return the lines of the result."""
    space = load_geo_space(options.geo)
    world = SimulatedWorldModel.of(space.encoder, world_partition(space.gallery))
    config = replace(find_config("release").simulation, anchor_share=0.0)
    config = replace(config, world=replace(config.world, seed=NEW_WORLD))
    simulator: Simulator = build_worlds(space.encoder, space.gallery, config, 1)[0]
    systems = Systems(options.model, world, simulator.draw(400, (1,)))
    new = simulator.draw(options.albums, (2,))
    traces = real_traces(options.shared)
    routes = [
        one for seed in range(options.draws) for one in real_routes(space, traces, world, seed)
    ]
    lines = [
        "# The shipped album model where it was not trained",
        "",
        f"Two x86-64 cores, Debian 12. {world.partition.size:,} cells. Photos are simulated in all "
        "tables; on the real routes times and places are real (the first "
        f"{MOST_PHOTOS} photos of a route, {options.draws} drawing of each). Nothing was measured "
        "on embeddings of a real world model: its weights cannot be had here.",
        "",
    ]
    tests = (
        ("A simulated world of other spots", new),
        ("Real routes", routes),
    )
    for title, albums in tests:
        lines += lines_of(title, albums, systems)
        lines += lines_of(
            f"{title}, a fifth of the photos known", with_anchors(albums, space, 0.2), systems
        )
    for name, found in systems.weights.items():
        lines.append(
            f"Weights of {name}: {found.fresh:g} after a pause, {found.burst:g} in bursts."
        )
    return lines


def main() -> None:
    """Measure, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--geo", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--albums", type=int, default=40)
    parser.add_argument("--draws", type=int, default=1)
    lines = report(parser.parse_args())
    (RESULTS / f"{NAME}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
