"""Writing a trained starter as a model folder: weights in half precision, config, card."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from geotagger.errors import ModelError
from geotagger.models.registry import CONFIG_NAME, WEIGHTS_NAME
from geotagger.models.starter import Starter
from geotagger.models.starter_network import StarterNetwork
from geotagger.models.weights import sha256_of
from geotagger.training.starter.config import StarterConfig
from geotagger.training.starter.measuring import FoldResult, recall_rows
from geotagger.training.starter.photos import PhotoTable

CARD_NAME = "MODEL_CARD.md"


def write_release(
    folder: Path,
    network: StarterNetwork,
    table: PhotoTable,
    config: StarterConfig,
    folds: list[FoldResult],
    *,
    day: str,
    machine: str,
) -> None:
    """Write the model folder; it appears whole or not at all.

    Raises
    ------
    ModelError
        A folder that is no model is there already, or nothing can be written.
    """
    require_free(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".starter-") as name:
            made = Path(name) / "model"
            made.mkdir()
            _fill(made, network, table, config, folds, day=day, machine=machine)
            if folder.exists():
                shutil.rmtree(folder)
            made.replace(folder)
    except OSError as error:
        raise ModelError(
            f"The model cannot be written ({error.strerror or error}).", path=folder
        ) from error


def require_free(folder: Path) -> None:
    """Return if a model may be written to a folder: it is new, empty, or such a model already.

    Raises
    ------
    ModelError
        Something else is there.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        known = {CONFIG_NAME, WEIGHTS_NAME, CARD_NAME}
        if not folder.is_dir() or not {one.name for one in folder.iterdir()} <= known:
            raise ModelError(
                "There is something else in the way of the model.",
                path=folder,
                remedy="Name a new folder.",
            )


def _fill(
    folder: Path,
    network: StarterNetwork,
    table: PhotoTable,
    config: StarterConfig,
    folds: list[FoldResult],
    *,
    day: str,
    machine: str,
) -> None:
    tensors = {
        name: tensor.detach().to(torch.float16).contiguous().clone()
        for name, tensor in network.file_tensors().items()
    }
    save_file(tensors, folder / WEIGHTS_NAME)
    # The library makes it readable for its owner alone, which an installed program must not be.
    (folder / WEIGHTS_NAME).chmod(0o644)
    card = model_card(network, table, config, folds, day=day, machine=machine)
    (folder / CARD_NAME).write_text(card, encoding="utf-8")
    size = sum((folder / name).stat().st_size for name in (WEIGHTS_NAME, CARD_NAME))
    stated = replace(
        Starter().default_config(),
        embedding_size=network.projection.out_features,
        sha256=sha256_of(folder / WEIGHTS_NAME),
        files={CARD_NAME: sha256_of(folder / CARD_NAME)},
        size_bytes=size,
    )
    (folder / CONFIG_NAME).write_text(stated.to_json(), encoding="utf-8")


def model_card(
    network: StarterNetwork,
    table: PhotoTable,
    config: StarterConfig,
    folds: list[FoldResult],
    *,
    day: str,
    machine: str,
) -> str:
    """Return the card: what it is and is not, the data, what was measured and how."""
    text = _HEAD.format(
        size=network.projection.out_features,
        photos=len(table),
        sources=len(np.unique(table.sources)),
        exact=int(table.exact.sum()),
    )
    text += _measured(folds) if folds else "Nothing was measured: no folds were asked for.\n"
    settings = ", ".join(f"{name} {value}" for name, value in asdict(config).items())
    return text + f"\n## Training\n{_HOW}Settings: {settings}.\nTrained {day} on {machine}.\n"


def _measured(folds: list[FoldResult]) -> str:
    lines = [
        f"Mean over {len(folds)} folds of whole sources, each asked of a network trained on the "
        "other sources; the shipped weights are trained on all sources with the same settings, so "
        "the figures are those of the folds, not of these very weights. The program's usual "
        "settings were chosen with these folds in sight, not inside the training folds, so the "
        "figures flatter a little. Folds with fewer than ten photos to ask for are left out of a "
        "row. A photo's neighbour counts if both places are "
        "exact and the photos at least two minutes apart.",
        "",
        "| % of photos | untouched ImageNet | trained | gain ± spread over folds | photos asked |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {what} | {before:.1f} | {after:.1f} | {gain:+.1f} ± {spread:.1f} | {asked:.0f} |"
        for what, before, after, gain, spread, asked in recall_rows(folds)
    ]
    lines += ["", _verdict(folds)]
    accuracy = np.array([one.scene_accuracy for one in folds]) * 100.0
    majority = np.array([one.scene_majority for one in folds]) * 100.0
    lines += [
        "",
        f"Scene (likeliest of indoor, natural, urban as a Places365 network's labels have it): "
        f"{accuracy.mean():.1f} ± {accuracy.std(ddof=1):.1f} % right on held-out sources; always "
        f"saying the commonest scene {majority.mean():.1f} %. The labels are a network's, not a "
        "person's.",
        "",
        "| held out | photos | recall@1, 100 m: untouched → trained (asked) | scene right |",
        "|---|---|---|---|",
    ]
    for one in folds:
        before, after = one.untouched[0], one.trained[0]
        shown = f"{before.at_1:.1%} → {after.at_1:.1%} ({before.queries})"
        lines.append(
            f"| {len(one.sources)} source(s) | {one.photos} | "
            f"{shown if before.queries else '–'} | {one.scene_accuracy:.1%} |"
        )
    return "\n".join(lines) + "\n"


def _verdict(folds: list[FoldResult]) -> str:
    """Say in words whether training beat the untouched embedding; a gain must exceed its spread."""
    rows = recall_rows(folds)
    better = sum(gain > spread for _, _, _, gain, spread, _ in rows)
    if rows and better == len(rows):
        return "Training beats the untouched embedding in every row by more than the spread."
    return (
        "**Training does not clearly beat the untouched ImageNet embedding**: the gain exceeds its "
        f"spread over folds in {better} of {len(rows)} rows. What it brings for certain is a "
        "shorter vector and the scene head."
    )


_HEAD = """# starter

MobileNetV2 (width 1.0, 224 pixels) whose pooled last layer, its roots taken, is projected to
{size} numbers by which photos of one place are to be found, with a head for indoor, natural and
urban. It finds look-alikes inside the user's own library. **It makes no claim about where in the
world a photo was taken**, and must not be used for one. It does not recognise people.

Licence: Apache-2.0. Initial weights: MobileNetV2 1.0 224 trained on ImageNet-1k, Apache-2.0.

## Data
{photos} photos of {sources} public sources (repositories of personal travel photos, photo
websites and test collections; {exact} with a place that a receiver measured, the others with the
place of a town or sight) with scene probabilities that a Places365 network predicted. The photos
belong to their authors; none of them, and nothing cut from them, comes with the program. Few
people took them: other people's photos will differ.

## Measured
"""

_HOW = """The convolutions stay as ImageNet made them (batch norms folded to identity); trained are
the projection, which starts from the principal directions, and the scene head, on several crops of
each photo.
"""
