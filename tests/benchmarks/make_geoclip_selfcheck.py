"""Make resources/models/geoclip-selfcheck.safetensors from GeoCLIP's published weights.

    pip download --no-deps geoclip==1.3.0 -d DIR && unzip DIR/geoclip-1.3.0-*.whl -d DIR/geoclip
    python -m tests.benchmarks.make_geoclip_selfcheck DIR/geoclip

The outputs are computed by this program's own code; that it equals the
package's is what ``geoclip_reference.py`` checks.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch.nn.functional import linear, relu

from geotagger.models.location_encoder import LocationEncoder

PLACES = (
    (48.8584, 2.2945),
    (40.6892, -74.0445),
    (-33.8568, 151.2153),
    (35.3606, 138.7274),
    (-22.9519, -43.2105),
    (-1.2921, 36.8219),
    (64.1466, -21.9426),
    (27.1751, 78.0421),
    (-54.8019, -68.3030),
    (21.3069, -157.8583),
    (90.0, 0.0),
    (0.0, 180.0),
)
FEATURES = 8
NOTE = (
    "Outputs of the location encoder, head and logit scale of GeoCLIP 1.3.0 (MIT License, "
    "copyright 2024 Vicente Vivanco) for fixed inputs; the features are random numbers."
)


def main() -> None:
    """Write the file that the argument names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path, help="the unpacked wheel")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()

    def weights(name: str) -> object:
        path = options.package / "geoclip" / "model" / "weights" / f"{name}_weights.pth"
        return torch.load(path, map_location="cpu", weights_only=True)

    encoder = LocationEncoder.load(weights("location_encoder"))
    head = weights("image_encoder_mlp")
    places = np.asarray(PLACES, np.float32)
    # About the size of CLIP's projected features.
    features = np.random.default_rng(20261121).normal(0.0, 0.4, (FEATURES, 768))
    features = features.astype(np.float16)
    with torch.inference_mode():
        given = torch.from_numpy(features.astype(np.float32))
        hidden = relu(linear(given, head["0.weight"], head["0.bias"]))
        vectors = linear(hidden, head["2.weight"], head["2.bias"]).numpy()
    tensors = {
        "places": places,
        "place_vectors": encoder.encode(places[:, 0], places[:, 1]).astype(np.float16),
        "features": features,
        "feature_vectors": vectors.astype(np.float16),
        "logit_scale": np.asarray(weights("logit_scale").item(), np.float32),
    }
    save_file(tensors, options.out, metadata={"origin": NOTE})


if __name__ == "__main__":
    main()
