"""Odd photos and damaged models through the commands that a user runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from geotagger.earth.partition import Limits
from geotagger.earth.partition_build import build_partition
from geotagger.earth.partition_file import save
from geotagger.library.catalog import Catalog
from geotagger.library.vectors import decode_vector
from geotagger.models.weights import sha256_of
from tests.cli.conftest import Ran
from tests.support.pictures import scene
from tests.support.small_model import small_model
from tests.support.worlds import teach_world

Run = Callable[..., Ran]
SIDE = 256


@pytest.fixture(autouse=True)
def without_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain torch: to export the network takes longer than to run it on some pictures."""
    monkeypatch.setenv("GEOTAGGER_DEVICE", "torch")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world model that has learned two places."""
    base = tmp_path_factory.mktemp("world")
    folder = small_model(base / "random")
    examples = []
    for number in range(2):
        for kind, place in (("night", (60.39, 5.32)), ("sea", (25.20, 55.27))):
            path = base / f"{kind}{number}.jpg"
            scene(kind, number, (320, 240)).save(path)
            examples.append((path, place))
    teach_world(folder, examples)
    return folder


@pytest.fixture
def model(sound: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may spoil."""
    folder = tmp_path / "model"
    folder.mkdir()
    for path in sound.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    scene("night", 5, (320, 240)).save(folder / "a.jpg")
    return folder


def of_every_form(folder: Path) -> dict[str, tuple[int, int, int] | None]:
    """Write photos of one colour in odd forms; return the colour that each shows, None for any."""
    folder.mkdir()
    orange = (200, 100, 50)
    plain = Image.new("RGB", (SIDE, SIDE), orange)
    plain.save(folder / "plain.png")
    plain.convert("L").save(folder / "one-channel.png")
    plain.convert("1").save(folder / "one-bit.png")
    plain.convert("CMYK").save(folder / "cmyk.jpg", quality=98)
    plain.quantize(4).save(folder / "palette.png")
    Image.fromarray(np.full((SIDE, SIDE), 120 * 257, np.uint16)).save(folder / "sixteen-bits.tif")
    clear = plain.convert("RGBA")
    clear.putalpha(Image.new("L", plain.size, 0))
    clear.save(folder / "clear.png")
    Image.new("RGB", (1, 1), orange).save(folder / "one-pixel.png")
    Image.new("RGB", (50_000, 4), orange).save(folder / "wide.png")
    Image.new("RGB", (4, 50_000), orange).save(folder / "tall.jpg", quality=98)
    grey = plain.convert("L").getpixel((0, 0))
    return {
        "plain.png": orange,
        "one-channel.png": (grey,) * 3,
        "one-bit.png": None,
        "cmyk.jpg": orange,
        "palette.png": orange,
        "sixteen-bits.tif": (120, 120, 120),
        "clear.png": (255, 255, 255),
        "one-pixel.png": orange,
        "wide.png": orange,
        "tall.jpg": orange,
    }


def vectors(catalog: Path) -> dict[str, np.ndarray]:
    with Catalog.open(catalog) as opened, opened.reading() as connection:
        rows = connection.execute(
            "SELECT p.path, e.vector FROM photos p"
            " JOIN embeddings e ON e.fingerprint = p.fingerprint"
        ).fetchall()
    return {Path(row["path"].decode()).name: decode_vector(row["vector"]) for row in rows}


def test_photos_of_every_form_are_seen_as_what_they_show(
    run: Run, sound: Path, tmp_path: Path
) -> None:
    expected = of_every_form(tmp_path / "photos")
    ran = run("embed", tmp_path / "photos", "--model", sound, "--json", "--quiet")
    assert ran.code == 0, ran.err
    assert ran.json["embedded"] == len(expected) and ran.json["failed"] == []
    # What each shows, as an ordinary file of the model's own size.
    twins = tmp_path / "twins"
    twins.mkdir()
    for name, colour in expected.items():
        if colour is not None:
            Image.new("RGB", (SIDE, SIDE), colour).save(twins / f"{Path(name).stem}.twin.png")
    assert run("embed", twins, "--model", sound, "--quiet").code == 0
    found = vectors(tmp_path / "catalog.sqlite")
    for name, colour in expected.items():
        assert np.isfinite(found[name]).all() and abs(np.linalg.norm(found[name]) - 1) < 2e-3
        # Twins with the same bytes are one photo to the catalog, under the first one's name.
        twin = found.get(f"{Path(name).stem}.twin.png")
        if colour is not None and twin is not None:
            assert found[name] @ twin > 0.99, name


def spoilt_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


def seal(folder: Path) -> None:
    """Write checksums that fit, as who made the file on purpose would."""
    config = json.loads((folder / "config.json").read_text())
    files = {name: sha256_of(folder / name) for name in config["files"]}
    spoilt_config(folder, sha256=sha256_of(folder / "model.safetensors"), files=files)


def newer(folder: Path) -> None:
    spoilt_config(folder, format_version=99)


def senseless_version(folder: Path) -> None:
    spoilt_config(folder, format_version="two")


def missing_tensor(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors.pop(sorted(tensors)[-1])
    save_file(tensors, folder / "model.safetensors")
    seal(folder)


def not_numbers(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    name = next(one for one in sorted(tensors) if tensors[one].ndim == 4)
    tensors[name] = torch.full_like(tensors[name], float("nan"))
    save_file(tensors, folder / "model.safetensors")
    seal(folder)


def head_not_numbers(folder: Path) -> None:
    head = load_file(folder / "head.safetensors")
    head["head.weight"][0, 0] = float("nan")
    save_file(head, folder / "head.safetensors")
    seal(folder)


def partition_of_others(folder: Path) -> None:
    points = np.random.default_rng(1).uniform((-60, -170), (60, 170), (400, 2))
    save(
        build_partition(points, Limits(max_count=60, min_count=1), name="many"),
        folder / "partition.npz",
    )
    seal(folder)


def newer_partition(folder: Path) -> None:
    with np.load(folder / "partition.npz", allow_pickle=False) as file:
        arrays = dict(file)
    arrays["format_version"] = np.array(99)
    np.savez(folder / "partition.npz", **arrays)
    seal(folder)


def no_partition(folder: Path) -> None:
    (folder / "partition.npz").write_bytes(b"none")
    seal(folder)


SPOILERS = {
    newer: "newer|version",
    senseless_version: "version|damaged",
    missing_tensor: "tensor",
    not_numbers: "number|NaN|finite",
    head_not_numbers: "number|NaN|finite",
    partition_of_others: "class",
    newer_partition: "newer|version",
    no_partition: "partition",
}


@pytest.mark.parametrize("command", ["embed", "suggest"])
@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda one: one.__name__)
def test_a_model_that_is_not_sound_is_refused_in_a_sentence(
    run: Run, model: Path, photos: Path, spoil: Callable[[Path], None], command: str
) -> None:
    spoil(model)
    ran = run(command, photos, "--model", model, "--quiet")
    assert ran.code == 1
    assert "Traceback" not in ran.err
    assert any(word.lower() in ran.err.lower() for word in SPOILERS[spoil].split("|")), ran.err
    assert "%" not in ran.out


def test_the_model_that_is_not_spoilt_places_the_photo(run: Run, model: Path, photos: Path) -> None:
    ran = run("suggest", photos, "--model", model, "--json", "--quiet")
    assert ran.code == 0, ran.err
    assert ran.json["photos"][0]["candidates"]
