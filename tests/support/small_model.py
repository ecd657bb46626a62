"""A model folder with random weights, small enough for tests that only need some network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from geotagger.models.mobilenet import MobileNetV2
from geotagger.models.weights import sha256_of


def small_model(folder: Path) -> Path:
    """Make and return a folder of the kind mobilenet_v2, its weights drawn at random."""
    import torch
    from safetensors.torch import save_file
    from transformers import MobileNetV2Config, MobileNetV2Model

    torch.manual_seed(6)
    module = MobileNetV2Model(MobileNetV2Config())
    for tensor in module.parameters():
        if tensor.ndim == 4:
            # The default is so small that nothing would be left of a picture after 50 layers.
            torch.nn.init.kaiming_normal_(tensor, mode="fan_in")
    tensors = {
        f"mobilenet_v2.{name}": tensor.to(torch.float16).contiguous()
        for name, tensor in module.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    folder.mkdir(parents=True)
    save_file(tensors, folder / "model.safetensors")
    config = replace(
        MobileNetV2().default_config(),
        name="random",
        version="1",
        sha256=sha256_of(folder / "model.safetensors"),
    )
    (folder / "config.json").write_text(config.to_json())
    return folder
