"""Embed 12-megapixel JPEGs: our pipeline against one photo after another in eager torch.

python -m tests.benchmarks.pipeline [--files 200] [--rounds 3] [--weights FILE] [--large]
python -m tests.benchmarks.pipeline --memory 1000 10000 100000

The other side is what GeoCLIP's own example does: open, decode all of the picture, scale, one
forward pass of the network in eager torch, next. Same files, same network, same machine, turn by
turn. The bound is what decoding alone and the network alone allow on cores that both share:
1 / (1 / decode + 1 / network). Files are made here: drawn scenes with the grain of a sensor.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from geotagger.library import queries
from geotagger.library.catalog import Catalog
from geotagger.library.decode_ahead import DECODE_MEMORY, DECODE_TIMEOUT_S
from geotagger.library.embedding import EmbeddingFailure, embed_missing
from geotagger.library.scan import scan_folder
from geotagger.models.embedder import Embedder
from geotagger.models.engines.onnx_cache import EngineCache
from geotagger.models.engines.onnx_engine import cpu_engine
from geotagger.models.engines.torch_engine import TorchNetwork
from geotagger.models.mobilenet import MobileNetV2
from geotagger.models.preprocess import decoder_of
from geotagger.models.registry import ModelConfig
from geotagger.photos.bounded import BoundedPool, default_workers
from tests.support.pictures import KINDS, scene

RESULTS = Path(__file__).resolve().parent / "results"
SIZE = (4000, 3000)
_DIFFERENT = 10
"""Pictures that are drawn; files repeat them, each with bytes of its own."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A network in both forms."""

    name: str
    embedder: Embedder
    eager: TorchNetwork


def make_photos(folder: Path, count: int) -> int:
    """Write ``count`` JPEGs of `SIZE` and return the bytes of an average one."""
    drawn = []
    for number in range(min(count, _DIFFERENT)):
        kind = list(KINDS)[number % len(KINDS)]
        buffer = io.BytesIO()
        scene(kind, number, SIZE).save(buffer, "JPEG", quality=90, subsampling=2)
        drawn.append(buffer.getvalue())
    for number in range(count):
        data = drawn[number % len(drawn)]
        words = f"photo {number}".encode()
        comment = b"\xff\xfe" + (len(words) + 2).to_bytes(2, "big") + words
        (folder / f"{number:05}.jpg").write_bytes(data[:2] + comment + data[2:])
    return sum(map(len, drawn)) // len(drawn)


def mobilenet(weights: Path, cache: EngineCache) -> Subject:
    """Return MobileNetV2 with the weights of a file."""
    config = MobileNetV2().default_config()
    eager = MobileNetV2().load(weights, config, device="cpu")
    return _subject("MobileNetV2 (ImageNet)", eager, config, cache)


def resnet50(cache: EngineCache) -> Subject:
    """Return a network of ResNet-50's size, its weights drawn at random."""
    import torch
    from transformers import ResNetConfig, ResNetModel

    torch.manual_seed(1)
    module = ResNetModel(ResNetConfig())

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk = module

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            rows: torch.Tensor = self.trunk(pixel_values=pixels).pooler_output.flatten(1)
            return rows

    config = ModelConfig(
        name="resnet-50-random",
        version="1",
        kind="resnet",
        input_size=224,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        crop="centre",
        embedding_size=2048,
        licence="none",
        origin="random weights",
    )
    eager = TorchNetwork(Pooled(), config, "cpu")
    return _subject("ResNet-50 (random weights)", eager, config, cache)


def _subject(name: str, eager: TorchNetwork, config: ModelConfig, cache: EngineCache) -> Subject:
    engine = cpu_engine(config, lambda: eager, cache=cache)
    if isinstance(engine, TorchNetwork):
        raise SystemExit(f"{name}: {engine.note}")
    return Subject(name, Embedder(engine, config), eager)


def ours(subject: Subject, folder: Path, count: int) -> float:
    """Return photos a second of the whole pipeline, start of the workers included."""
    with tempfile.TemporaryDirectory() as place, Catalog.open(Path(place) / "c.sqlite") as catalog:
        for _ in scan_folder(catalog, folder):
            pass
        began = time.perf_counter()
        failed: list[EmbeddingFailure] = []
        stored = embed_missing(catalog, folder, subject.embedder, failures=failed)
        took = time.perf_counter() - began
        found = len(queries.photos(catalog, folder))
    why = f"; {failed[0].path.name}: {failed[0].error!r}" if failed else ""
    assert stored == count, f"{stored} of {count} were stored, {found} scanned{why}"
    return count / took


def one_by_one(subject: Subject, files: list[Path]) -> float:
    """Return photos a second of full decoding and eager torch, one photo at a time."""
    import torch

    config = subject.embedder.config
    module = subject.eager.module
    began = time.perf_counter()
    for file in files:
        with Image.open(file) as opened:
            image = opened.convert("RGB")
        short = config.input_size / min(image.size)
        image = image.resize(
            (round(image.width * short), round(image.height * short)), Image.Resampling.BICUBIC
        )
        side = config.input_size
        left, top = (image.width - side) // 2, (image.height - side) // 2
        pixels = np.asarray(image.crop((left, top, left + side, top + side)))
        with torch.inference_mode():
            module(torch.from_numpy(pixels[None].copy())).numpy()
    return len(files) / (time.perf_counter() - began)


def decode_alone(files: list[Path], config: ModelConfig) -> float:
    """Return photos a second of our decoding with no network, start of the workers left out."""
    decode = decoder_of(config)
    workers = default_workers()
    with BoundedPool(workers, DECODE_TIMEOUT_S, DECODE_MEMORY) as pool:
        for _ in pool.map_unordered(decode, files[: 2 * workers]):
            pass
        began = time.perf_counter()
        done = sum(not isinstance(one, Exception) for _, one in pool.map_unordered(decode, files))
        return done / (time.perf_counter() - began)


def network_alone(subject: Subject, count: int) -> float:
    """Return photos a second of the network, fed from memory."""
    side, batch = subject.embedder.input_size, subject.embedder.batch
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (batch, side, side, 3)).astype(np.uint8)
    subject.embedder.embed(images)
    began = time.perf_counter()
    for _ in range(max(1, count // batch)):
        subject.embedder.embed(images)
    return max(1, count // batch) * batch / (time.perf_counter() - began)


def compare(subject: Subject, folder: Path, rounds: int, quick: int) -> dict[str, Any]:
    """Return medians over rounds of ours, the other way, and both halves of ours alone."""
    files = sorted(folder.glob("*.jpg"))
    some = files[:quick]
    one_by_one(subject, some[:3])
    measured: dict[str, list[float]] = {
        key: [] for key in ("ours", "other", "decode", "network", "speed-up", "of bound")
    }
    for _ in range(rounds):
        rates: dict[str, Callable[[], float]] = {
            "other": lambda: one_by_one(subject, some),
            "decode": lambda: decode_alone(files, subject.embedder.config),
            "ours": lambda: ours(subject, folder, len(files)),
            "network": lambda: network_alone(subject, max(quick, len(files) // 2)),
        }
        now = {key: measure() for key, measure in rates.items()}
        bound = 1.0 / (1.0 / now["decode"] + 1.0 / now["network"])
        for key, rate in now.items():
            measured[key].append(rate)
        measured["speed-up"].append(now["ours"] / now["other"])
        measured["of bound"].append(now["ours"] / bound)
    return {
        "network": subject.name,
        "engine": subject.embedder.engine.label,
        "rounds": rounds,
        "median": {key: statistics.median(values) for key, values in measured.items()},
        "all": measured,
    }


def table(results: list[dict[str, Any]], files: int, size: int) -> str:
    """Return the results as Markdown."""
    lines = [
        f"{files} JPEGs of 12 MP, {size / 1e6:.1f} MB each; photos a second, medians of rounds.",
        "",
        "| network | one by one | decode alone | network alone | ours | against one by one |"
        " of the bound |",
        "|---|---|---|---|---|---|---|",
    ]
    for result in results:
        median = result["median"]
        lines.append(
            f"| {result['network']} | {median['other']:.1f} | {median['decode']:.1f} |"
            f" {median['network']:.1f} | {median['ours']:.1f} | {median['speed-up']:.1f} × |"
            f" {median['of bound']:.0%} |"
        )
    return "\n".join(lines)


class _Mean:
    """The smallest network: what memory there is belongs to the pipeline."""

    name, version, input_size = "mean", "1", 224

    def embed(self, images: np.ndarray) -> np.ndarray:
        rows = images.mean((1, 2)).astype(np.float32) + 1.0
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def memory_of(count: int) -> dict[str, float]:
    """Return the peak of this process's memory in MB for so many tiny photos, and the seconds."""
    import resource

    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "photos"
        root.mkdir()
        source = root / "source.jpg"
        Image.new("RGB", (32, 24), "teal").save(source)
        with Catalog.open(Path(place) / "c.sqlite") as catalog:
            for at in range(0, count, 1000):
                rows = []
                for number in range(at, min(count, at + 1000)):
                    # File systems bound how many names one file may have.
                    folder = root / str(number // 1000)
                    folder.mkdir(exist_ok=True)
                    path = folder / f"{number}.jpg"
                    path.write_bytes(source.read_bytes())
                    rows.append((os.fsencode(path), os.fsencode(folder), f"f{number}"))
                with catalog.writing() as connection:
                    connection.executemany(
                        "INSERT INTO photos (path, folder, kind, size, mtime_ns, fingerprint)"
                        " VALUES (?, ?, 'jpeg', 1, 1, ?)",
                        rows,
                    )
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            began = time.perf_counter()
            stored = embed_missing(catalog, root, _Mean())
            took = time.perf_counter() - began
    assert stored == count
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"photos": count, "before_mb": before, "peak_mb": peak, "seconds": took}


def _memory(counts: list[int]) -> list[dict[str, float]]:
    """Measure each number of photos in a process of its own."""
    found = []
    for count in counts:
        command = [sys.executable, "-m", "tests.benchmarks.pipeline", "--memory-of", str(count)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found.append(json.loads(done.stdout))
        sys.stderr.write(f"{found[-1]}\n")
    return found


def main() -> None:
    """Run what the arguments say, print it and write it to `RESULTS`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", type=int, default=30, help="photos of the one-by-one way")
    parser.add_argument(
        "--weights",
        type=Path,
        default=Path("../shared/weights/mobilenet_v2_imagenet.safetensors"),
    )
    parser.add_argument("--large", action="store_true", help="a network of ResNet-50's size too")
    parser.add_argument("--memory", type=int, nargs="+", metavar="N")
    parser.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--out", default="pipeline", help="name of the result files")
    options = parser.parse_args()
    if options.memory_of:
        sys.stdout.write(json.dumps(memory_of(options.memory_of)))
        return
    when = datetime.now(UTC).strftime("%Y-%m-%d")
    report: dict[str, Any] = {
        "date": when,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
    }
    if options.memory:
        report["memory"] = _memory(options.memory)
        text = ""
    else:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "photos"
            folder.mkdir()
            size = make_photos(folder, options.files)
            cache = EngineCache(Path(place) / "engines")
            subjects = [mobilenet(options.weights, cache)]
            if options.large:
                subjects.append(resnet50(cache))
            results = [
                compare(subject, folder, options.rounds, options.quick) for subject in subjects
            ]
        report |= {"files": options.files, "bytes": size, "results": results}
        text = table(results, options.files, size)
        sys.stdout.write(text + "\n")
    name = f"{when}-{options.out}"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if text:
        (RESULTS / f"{name}.md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
