"""What a CUDA card does with CLIP ViT-L/14: images a second against the card's own matrix rate.

python -m tests.benchmarks.gpu [--batch 128] [--seconds 10] [--compile]

Needs a CUDA device and torch for CUDA; weights are drawn at random, which costs the same. It
checks first that bf16 on the card agrees with fp32 on the CPU (cosine distance at most 1e-2), then
measures: the rate of a large bf16 matrix product; the network alone, its images on the card
already; the engine fed from memory (pinned copies, two buffers). The share is floating-point
operations of the network a second over those of the matrix product.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from geotagger.models.engines.base import Images
from geotagger.models.engines.cuda_engine import CudaEngine
from geotagger.models.engines.onnx_export import cosine_distances, probe_images
from geotagger.models.engines.torch_engine import TorchNetwork
from geotagger.models.registry import ModelConfig

RESULTS = Path(__file__).resolve().parent / "results"
LAYERS, WIDTH, TOKENS, PATCH, SIDE = 24, 1024, 257, 14, 224
TOLERANCE = 1e-2
AIM = 0.5


def operations_per_image() -> float:
    """Return the floating-point operations of one image: two for each multiplication that adds."""
    linear = 12 * TOKENS * WIDTH**2
    attention = 2 * TOKENS**2 * WIDTH
    patches = (TOKENS - 1) * 3 * PATCH**2 * WIDTH
    return 2.0 * (LAYERS * (linear + attention) + patches)


def clip_large() -> TorchNetwork:
    """Return the vision tower of CLIP ViT-L/14 with random weights."""
    import torch
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(1)
    tower = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=WIDTH,
            intermediate_size=4 * WIDTH,
            num_hidden_layers=LAYERS,
            num_attention_heads=16,
            image_size=SIDE,
            patch_size=PATCH,
            projection_dim=768,
        )
    )

    class Projected(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tower = tower

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            rows: torch.Tensor = self.tower(pixel_values=pixels).image_embeds
            return rows

    config = ModelConfig(
        name="clip-large-random",
        version="1",
        kind="geoclip",
        input_size=SIDE,
        mean=(0.48145466, 0.4578275, 0.40821073),
        std=(0.26862954, 0.26130258, 0.27577711),
        crop="centre",
        embedding_size=768,
        licence="none",
        origin="random weights",
    )
    return TorchNetwork(Projected(), config, "cpu")


def matrix_rate(side: int = 8192, runs: int = 20) -> float:
    """Return floating-point operations a second of a bf16 matrix product, the median of runs."""
    import torch

    left = torch.randn(side, side, device="cuda", dtype=torch.bfloat16)
    right = torch.randn(side, side, device="cuda", dtype=torch.bfloat16)
    for _ in range(5):
        left @ right
    took = []
    for _ in range(runs):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        left @ right
        end.record()
        end.synchronize()
        took.append(begin.elapsed_time(end) / 1000.0)
    return 2.0 * side**3 / statistics.median(took)


def network_alone(engine: CudaEngine, images: Images, seconds: float) -> float:
    """Return images a second with the images on the card already."""
    import torch

    lane: Any = engine._buffers._free[0]
    pixels = torch.from_numpy(images).cuda()
    with torch.inference_mode():
        for _ in range(3):
            lane._run(pixels)
        torch.cuda.synchronize()
        began, done = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            lane._run(pixels)
            done += len(images)
            if done % (8 * len(images)) == 0:
                torch.cuda.synchronize()
        torch.cuda.synchronize()
    return done / (time.perf_counter() - began)


def fed_from_memory(engine: CudaEngine, images: Images, seconds: float) -> float:
    """Return images a second of the engine, from host memory to rows in host memory."""
    list(engine.stream([images] * 3))
    count = 0
    began = time.perf_counter()

    def batches() -> Any:
        while time.perf_counter() - began < seconds:
            yield images

    for rows in engine.stream(batches()):
        count += len(rows)
    return count / (time.perf_counter() - began)


def measure(batch: int, seconds: float, compiled: bool) -> dict[str, Any]:
    """Check, measure, and return what was found."""
    import torch

    probe = probe_images(SIDE, 8)
    expected = clip_large().run(probe)
    engine = CudaEngine(clip_large(), batch=batch, compiled=compiled)
    distance = float(cosine_distances(engine.run(probe), expected).max())
    if not distance <= TOLERANCE:
        raise SystemExit(f"the card differs from the CPU: cosine distance {distance:.1e}")
    images = np.random.default_rng(1).integers(0, 256, (batch, SIDE, SIDE, 3)).astype(np.uint8)
    rate = matrix_rate()
    alone = network_alone(engine, images, seconds)
    fed = fed_from_memory(engine, images, seconds)
    per_image = operations_per_image()
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "card": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "batch": engine.batch,
        "compiled": compiled,
        "cosine_distance_to_cpu": distance,
        "matrix_tflops": rate / 1e12,
        "network_alone_images_s": alone,
        "fed_from_memory_images_s": fed,
        "network_alone_share": alone * per_image / rate,
        "fed_from_memory_share": fed * per_image / rate,
        "aim": AIM,
    }


def main() -> None:
    """Measure and write the result to `RESULTS`, or say that there is no card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--out", type=Path, help="the JSON file (default: beside the others)")
    options = parser.parse_args()
    import torch

    if not torch.cuda.is_available():
        raise SystemExit("torch finds no CUDA device here; nothing was measured")
    found = measure(options.batch, options.seconds, options.compile)
    text = json.dumps(found, indent=1) + "\n"
    sys.stdout.write(text)
    out = options.out or RESULTS / f"{found['date']}-gpu.json"
    out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
