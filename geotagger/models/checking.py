"""Whether a model folder is whole and does what it should."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from geotagger.errors import ModelError
from geotagger.models.known import MODEL_SUFFIXES
from geotagger.models.registry import WEIGHTS_NAME, ModelConfig, backbone_of, read_config
from geotagger.models.weights import sha256_of, tensor_shapes
from geotagger.progress import CancelToken

_INSTALL_AGAIN = "Install the model again."


def check_names(config: ModelConfig, path: Path) -> None:
    """Return if the model lists only kinds of files that cannot bring code along.

    Raises
    ------
    ModelError
        It lists another.
    """
    for name in config.files:
        if not name.lower().endswith(MODEL_SUFFIXES):
            raise ModelError(
                f"The model lists {name}, a kind of file that no model may have.", path=path
            )


def check_files(folder: Path, config: ModelConfig, *, cancel: CancelToken | None = None) -> None:
    """Return if weights and all other files are those that ``config.json`` names.

    Raises
    ------
    ModelError
        One is missing, differs, or is of a kind that no model may have.
    CancelledError
        The token was cancelled.
    """
    check_names(config, folder)
    for name, digest in {WEIGHTS_NAME: config.sha256, **config.files}.items():
        path = folder / name
        if not path.is_file():
            raise ModelError(f"The model lacks its {name}.", path=folder, remedy=_INSTALL_AGAIN)
        if sha256_of(path, cancel=cancel) != digest:
            raise ModelError(
                f"The model's {name} is not the one that its config.json names "
                "(the checksum differs).",
                path=path,
                remedy=_INSTALL_AGAIN,
            )
        if name.lower().endswith(".npz"):
            _check_archive(path)


def _check_archive(path: Path) -> None:
    """Return if a NumPy archive holds arrays of numbers alone; objects would be pickles."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            for name in archive.files:
                archive[name]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ModelError(
            f"The model's {path.name} is damaged or holds more than numbers.",
            path=path,
            remedy=_INSTALL_AGAIN,
        ) from error


def check_kind(folder: Path, config: ModelConfig) -> None:
    """Return if the weights are in the safetensors format and of the model's kind.

    Raises
    ------
    ModelError
        They are not, or the kind is unknown.
    """
    weights = folder / WEIGHTS_NAME
    if not backbone_of(config.kind, folder).recognises(tensor_shapes(weights)):
        raise ModelError(
            f"The weights are not those of a model of the kind {config.kind}.", path=weights
        )


def check_runs(folder: Path, config: ModelConfig) -> None:
    """Return if the model runs, gives numbers, and passes its self-check where it needs one.

    Raises
    ------
    ModelError
        It does not.
    """
    from geotagger.models.engines.base import width_of
    from geotagger.models.self_check import run_self_check

    weights = folder / WEIGHTS_NAME
    network = backbone_of(config.kind, folder).load(weights, config, device="cpu")
    probe = np.full((1, config.input_size, config.input_size, 3), 127, np.uint8)
    row = network.run(probe)
    if row.shape != (1, width_of(config)) or not np.isfinite(row).all():
        raise ModelError(
            f"The model gives vectors of shape {row.shape[1:]} where its config.json says "
            f"{config.embedding_size} finite numbers.",
            path=folder,
        )
    run_self_check(folder, network)


def check_model(folder: Path, *, cancel: CancelToken | None = None) -> ModelConfig:
    """Return the configuration of a model folder that is whole and does what it should.

    Raises
    ------
    ModelError
        Something of it is missing or damaged, or it fails its self-check.
    CancelledError
        The token was cancelled.
    """
    config = read_config(folder)
    check_files(folder, config, cancel=cancel)
    check_kind(folder, config)
    check_runs(folder, config)
    return config
