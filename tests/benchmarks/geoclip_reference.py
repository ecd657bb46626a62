"""Hold this program's GeoCLIP against the `geoclip` package: same weights, same photos.

    pip download --no-deps geoclip==1.3.0 -d DIR && unzip DIR/geoclip-1.3.0-*.whl -d DIR/geoclip
    python -m tests.benchmarks.geoclip_reference DIR/geoclip --photos FOLDER [--tiny]

A development check: the package wants torchvision and geopy, which only its training code uses, so
both are stubbed here, in this process alone; nothing of the package runs in the product. Head,
location encoder, scale and gallery are the package's published ones; CLIP has random weights of
the published size (``--tiny``: a small one) unless ``--clip`` names the real folder. Without
torchvision the package's image processor is the one of `transformers` on Pillow; with torchvision
its pixels differ from those by rounding. About 6 GB of memory and 5 GB of disk, some minutes.
"""

from __future__ import annotations

import argparse
import importlib.machinery
import json
import shutil
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from safetensors.torch import save_file

from geotagger.models.cell_table import build_cell_table
from geotagger.models.geo_space import load_geo_space
from geotagger.models.geoclip import GeoClip
from geotagger.models.geoclip_release import convert_release
from geotagger.models.location_encoder import LocationEncoder
from geotagger.models.preprocess import decoder_of
from geotagger.models.self_check import check_weights
from geotagger.models.world_load import world_partition
from geotagger.photos import decode as decoding
from tests.support.releases import FULL, Sizes, write_clip

TINY = Sizes(hidden=64, mlp=128, image=224, patch=32, projection=768, dimension=512)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def import_package(folder: Path) -> Any:
    """Return the module `geoclip`, what it wants for training stubbed."""
    # What of transformers looks for torchvision has to have looked before.
    from transformers import AutoProcessor, CLIPImageProcessor, CLIPModel  # noqa: F401

    for name in ("torchvision", "torchvision.transforms", "geopy", "geopy.distance", "tqdm"):
        if name not in sys.modules:
            try:
                __import__(name)
            except ImportError:
                stub: Any = types.ModuleType(name)
                stub.__spec__ = importlib.machinery.ModuleSpec(name, None)
                stub.transforms = stub.geodesic = stub.tqdm = None
                sys.modules[name] = stub
    sys.path.insert(0, str(folder))
    import geoclip

    return geoclip


def published_head(folder: Path, out: Path) -> Path:
    """Write the package's weights as a head release of the hub; return its folder."""
    weights = folder / "geoclip" / "model" / "weights"

    def load(name: str) -> Any:
        path = weights / f"{name}_weights.pth"
        return torch.load(path, map_location="cpu", weights_only=True)

    tensors = {f"location_encoder.{name}": one for name, one in load("location_encoder").items()}
    tensors |= {f"image_encoder.mlp.{name}": one for name, one in load("image_encoder_mlp").items()}
    tensors["logit_scale"] = load("logit_scale").detach()
    out.mkdir(parents=True)
    save_file(tensors, out / "model.safetensors")
    gallery = folder / "geoclip" / "model" / "gps_gallery" / "coordinates_100K.csv"
    shutil.copy(gallery, out / gallery.name)
    config = {
        "model_type": "geoclip-geolocation",
        "format_version": 1,
        "sigma": [1, 16, 256],
        "gallery_file": gallery.name,
        "backbone": {"repo_id": "openai/clip-vit-large-patch14", "revision": "main"},
    }
    (out / "config.json").write_text(json.dumps(config))
    return out


def compare_places(package: Any, head: Path, count: int) -> LocationEncoder:
    """Print how far the location encoders are apart, with published and with random weights."""
    rng = np.random.default_rng(0)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, count)))
    lon = rng.uniform(-180, 180, count)
    lat[:4], lon[:4] = (90, -90, 0, 0), (0, 0, 180, -180)
    places = torch.from_numpy(np.stack((lat, lon), axis=1).astype(np.float32))
    torch.manual_seed(1)
    for what in ("published", "random"):
        reference = package.LocationEncoder(from_pretrained=what == "published").eval()
        ours = LocationEncoder.load(reference.state_dict())
        with torch.inference_mode():
            raw = reference(places)
            unit = torch.nn.functional.normalize(raw, dim=1).numpy()
        apart = np.abs(ours.raw(lat, lon) - raw.numpy()).max()
        apart_unit = np.abs(ours.encode(lat, lon) - unit).max()
        alone = max(np.abs(ours.encode(lat[i], lon[i]) - unit[i]).max() for i in range(100))
        _say(
            f"location encoder, {what} weights, {count} places: raw {apart:.1e}, "
            f"unit {apart_unit:.1e}, one at a time {alone:.1e}"
        )
    return LocationEncoder.load(head / "model.safetensors")


def compare_logits(package: Any, head: Path, clip: Path, out: Path, photos: list[Path]) -> None:
    """Print how far the logits of photos and places are apart."""
    config = convert_release(head, clip, out)
    from geoclip.model import _hub

    model = package.GeoCLIP(from_pretrained=False, clip_path=clip)
    _, told, weights = _hub.read_release(head, "geoclip-geolocation")
    model.gps_gallery = _hub.read_gallery(head, told)
    _hub.load_geoclip_weights(model, weights)
    model.eval()
    space = load_geo_space(out)
    places = space.gallery[::97]
    decode = decoder_of(config)
    pixels, upright = [], []
    for path in photos:
        pixels.append(decode(path))
        upright.append(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
    network = GeoClip().load(out / "model.safetensors", config, device="cpu")
    vectors = network.run(np.stack(pixels))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    ours = space.scale * unit @ space.encoder.encode(places[:, 0], places[:, 1]).T
    with torch.inference_mode():
        given = torch.cat([model.image_encoder.preprocess_image(one) for one in upright])
        theirs = model(given, torch.from_numpy(places)).numpy()
    same = np.array([np.moveaxis(one, -1, 0) for one in pixels], np.float32) / 255
    mean, std = (np.asarray(v, np.float32)[:, None, None] for v in (config.mean, config.std))
    _say(f"pixels: {np.abs((same - mean) / std - given.numpy()).max():.1e} apart after scaling")
    _say(
        f"logits of {len(photos)} photos × {len(places)} places: "
        f"{np.abs(ours - theirs).max():.1e} apart, spread {theirs.std():.3f}; "
        f"vectors {np.abs(vectors - model.image_encoder(given).detach().numpy()).max():.1e} apart"
    )
    check_weights(out)
    _say("self-check of the program's own pairs: passed by the published head and encoder")


def show_prior(encoder: LocationEncoder, out: Path) -> None:
    """Print what a softmax over cell centres makes of photos that know only a continent."""
    space = load_geo_space(out)
    partition = world_partition(space.gallery)
    classes = partition.classes_of(space.gallery[:, 0], space.gallery[:, 1])
    table = build_cell_table(space, classes, partition.size)
    rng = np.random.default_rng(0)
    rows = np.array(table.vectors[rng.integers(0, len(table.vectors), 300)])
    rows += rng.normal(0, 0.12, rows.shape).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = np.exp(table.log_probabilities(rows))
    places = partition.centre_lat, partition.centre_lon
    logits = space.scale * rows @ encoder.encode(*places).T
    centres = np.exp(logits - logits.max(axis=1, keepdims=True))
    centres /= centres.sum(axis=1, keepdims=True)
    rare = partition.counts <= 2
    share = partition.counts[rare].sum() / partition.counts.sum()
    _say(
        f"{int(rare.sum())} of {partition.size} cells hold 1 or 2 places, {share:.1%} of the "
        f"gallery: sums over places give them {found[:, rare].sum(axis=1).mean():.1%} of the "
        f"probability, a softmax over centres {centres[:, rare].sum(axis=1).mean():.1%}"
    )


def main() -> None:
    """Run all comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path, help="the unpacked wheel")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--clip", type=Path, help="the real CLIP folder, where there is one")
    parser.add_argument("--count", type=int, default=8, help="how many photos")
    parser.add_argument("--tiny", action="store_true", help="a small random CLIP")
    parser.add_argument("--full-decode", action="store_true", help="decode JPEGs at full size")
    parser.add_argument("--skip-prior", action="store_true")
    options = parser.parse_args()
    if options.full_decode:
        decoding.DRAFT = 1000
    found = sorted(path for path in options.photos.rglob("*") if path.suffix.lower() == ".jpg")
    photos = found[:: max(1, len(found) // options.count)][: options.count]
    package = import_package(options.package)
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        head = published_head(options.package, base / "head")
        encoder = compare_places(package, head, 5000)
        clip = options.clip or write_clip(base / "clip", TINY if options.tiny else FULL)
        compare_logits(package, head, clip, base / "model", photos)
        if not options.skip_prior:
            show_prior(encoder, base / "model")


if __name__ == "__main__":
    main()
