"""Made-up places: rows of numbers for the loop, drawn pictures for the whole way."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from geotagger.models.starter_network import FEATURES, TRUNK_PREFIX, StarterNetwork
from geotagger.training.starter.features import Features
from geotagger.training.starter.photos import SCENES, PhotoTable
from tests.support.pictures import scene

COLUMNS = ("source_repo", "file", "lat", "lon", "taken_at", "album", "label_type", *SCENES)
KINDS = ("town", "sea", "hills", "forest")


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of MobileNetV2 in the published layout."""
    torch.manual_seed(1)
    network = StarterNetwork(1)
    for parameter in network.parameters():
        if parameter.ndim == 4:
            # The default is so small that nothing would be left of a picture after 50 layers.
            torch.nn.init.kaiming_normal_(parameter, mode="fan_in")
    path = tmp_path_factory.mktemp("weights") / "mobilenet.safetensors"
    tensors = network.file_tensors()
    save_file(
        {name: one.contiguous() for name, one in tensors.items() if name.startswith(TRUNK_PREFIX)},
        path,
    )
    return path


def table_of(sources: int, places: int, visits: int) -> PhotoTable:
    """Return photos of places 10 km apart, each visited several times a day apart."""
    count = sources * places * visits
    source, place, visit = np.unravel_index(np.arange(count), (sources, places, visits))
    scenes = np.zeros((count, 3), np.float32)
    scenes[np.arange(count), place % 3] = 1.0
    return PhotoTable(
        tuple(f"{row}.jpg" for row in range(count)),
        source.astype(np.int64),
        tuple(f"source-{one}" for one in range(sources)),
        source.astype(np.int64),
        10.0 * source + 0.1 * place,
        np.zeros(count),
        np.ones(count, np.bool_),
        86400.0 * visit + 600.0 * place,
        scenes,
    )


@pytest.fixture(scope="session")
def features() -> Features:
    """Features of three sources in which a place is faint and the weather of the day loud."""
    table = table_of(sources=3, places=12, visits=4)
    rng = np.random.default_rng(3)
    count, views = len(table), 2
    whereabouts = rng.normal(size=(3 * 12, 24))[np.arange(count) // 4]
    weather = rng.normal(size=(count, 24)) * 2.5
    kind = table.scenes @ rng.normal(size=(3, 8)) * 2.0
    hidden = np.concatenate((whereabouts, weather, kind), axis=1)
    mix = rng.normal(size=(hidden.shape[1], FEATURES)) / np.sqrt(hidden.shape[1])
    rows = (hidden @ mix)[:, None] + rng.normal(size=(count, views, FEATURES)) * 0.2
    means = np.maximum(rows + 2.0, 0.0).astype(np.float32)
    return Features(table, means)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of drawn photos of three sources with their table; one file is no photo."""
    folder = tmp_path_factory.mktemp("photos")
    with (folder / "index.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for source in range(3):
            for place, kind in enumerate(KINDS):
                for visit in range(2):
                    name = f"{source}-{place}-{visit}.jpg"
                    scene(kind, 10 * source + visit, (160, 120)).save(folder / name)
                    natural = 0.9 if kind in ("sea", "hills", "forest") else 0.05
                    writer.writerow(
                        [
                            f"source-{source}",
                            name,
                            10 * source + 0.1 * place,
                            5.0,
                            f"2024-05-{visit + 1:02}T12:{place:02}:00",
                            "trip",
                            "exif",
                            0.05,
                            natural,
                            0.95 - natural,
                        ]
                    )
        (folder / "broken.jpg").write_bytes(b"no photo")
        writer.writerow(["source-0", "broken.jpg", 1, 1, "", "trip", "city", 0.2, 0.3, 0.5])
    return folder
