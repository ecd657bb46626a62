"""Settings of an album model's training, read from a short TOML file."""

from __future__ import annotations

import dataclasses
import importlib.resources
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from geotagger.errors import ConfigError
from geotagger.models.album.config import AlbumModelConfig
from geotagger.training.album.albums import SimulationConfig
from geotagger.training.album.emissions import EmissionConfig
from geotagger.training.album.trips import TripConfig
from geotagger.training.album.world import WorldConfig

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """How a network is trained; equal settings give equal weights on one machine.

    Attributes
    ----------
    steps
        Batches.
    albums
        Simulated albums of a batch, drawn anew for each.
    rate
        Greatest learning rate of Adam; it rises over a twentieth of the steps and falls as half a
        cosine.
    seed
        Of the weights and of the albums.
    single_steps
        Batches of the single-image model that the network starts from: its part of the weights is
        trained first and then kept as it is, as the paper keeps its CNN.
    answered
        Share of a batch's photos, drawn anew each time, whose cells count in the loss of the
        album's network: photos of an album are alike, and the scores over all cells cost most.
    clip
        Greatest length of the gradient.
    keep_every
        After so many steps the state is written, so that a stopped run goes on.
    threads
        CPU threads.
    device
        "cpu" or "cuda"; on CUDA in mixed precision.
    """

    steps: int = 600
    albums: int = 32
    rate: float = 2e-3
    seed: int = 0
    single_steps: int = 300
    answered: float = 0.3
    clip: float = 1.0
    keep_every: int = 100
    threads: int = 1
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("albums", "keep_every", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, found {getattr(self, name)}")
        if min(self.steps, self.seed, self.single_steps) < 0:
            raise ValueError("steps, single_steps and seed must not be negative")
        if not (self.rate > 0.0 and self.clip > 0.0):
            raise ValueError("rate and clip must be positive")
        if not 0.0 < self.answered <= 1.0:
            raise ValueError(f"answered must be above 0 and at most 1, found {self.answered}")
        if self.device not in ("cpu", "cuda"):
            raise ValueError(f"device must be cpu or cuda, found {self.device!r}")


@dataclass(frozen=True, slots=True)
class AlbumTraining:
    """A whole configuration: which model, how it is trained, on which albums."""

    model: AlbumModelConfig
    training: TrainingConfig = field(default_factory=TrainingConfig)
    simulation: SimulationConfig = field(default_factory=SimulationConfig)


def find_config(name: str) -> AlbumTraining:
    """Return the configuration of a file, or of a name that comes with the program.

    Raises
    ------
    ConfigError
        Neither is there, or as `read_config` does.
    """
    path = Path(name).expanduser()
    if not path.exists() and re.fullmatch(r"[a-z0-9-]+", name):
        folder = importlib.resources.files("resources") / "models" / "album" / "configs"
        with importlib.resources.as_file(folder / f"{name}.toml") as shipped:
            if shipped.is_file():
                return read_config(shipped)
            known = sorted(one.stem for one in shipped.parent.glob("*.toml"))
        raise ConfigError(
            f"There is no configuration {name!r}.",
            remedy=f"Name a TOML file or one of {', '.join(known)}.",
        )
    return read_config(path)


def read_config(path: Path) -> AlbumTraining:
    """Return the configuration of a TOML file.

    It has the tables ``model``, ``training`` and ``simulation``; the last has ``world``, ``trips``
    and ``emissions`` inside. What is left out has its default.

    Raises
    ------
    ConfigError
        The file cannot be read, has an unknown key, or a value does not fit.
    """
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        why = error.strerror or error
        raise ConfigError(f"The configuration cannot be read ({why}).", path=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The configuration is no TOML: {error}.", path=path) from error
    _known(table, {"model", "training", "simulation"}, "", path)
    simulation = _table(table, "simulation", path)
    parts: dict[str, Any] = {
        "world": _made(WorldConfig, _table(simulation, "world", path), "simulation.world", path),
        "trips": _made(TripConfig, _table(simulation, "trips", path), "simulation.trips", path),
        "emissions": _made(
            EmissionConfig, _table(simulation, "emissions", path), "simulation.emissions", path
        ),
    }
    model = {"name": path.stem, **_table(table, "model", path)}
    return AlbumTraining(
        _made(AlbumModelConfig, model, "model", path),
        _made(TrainingConfig, _table(table, "training", path), "training", path),
        _made(SimulationConfig, {**simulation, **parts}, "simulation", path),
    )


def _table(table: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    value = table.get(name, {})
    if not isinstance(value, dict):
        raise ConfigError(f"{name} must be a table.", path=path)
    return value


def _known(table: dict[str, Any], known: set[str], where: str, path: Path) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise ConfigError(
            f"The key {where}{unknown[0]} is unknown.",
            path=path,
            remedy=f"Known are: {', '.join(sorted(known))}.",
        )


def _made(kind: type[T], table: dict[str, Any], where: str, path: Path) -> T:
    fields = {one.name: one for one in dataclasses.fields(kind)}  # type: ignore[arg-type]
    _known(table, set(fields), f"{where}.", path)
    values: dict[str, Any] = {}
    for name, value in table.items():
        wanted = fields[name].type
        if wanted == "float" and type(value) is int:
            value = float(value)
        if isinstance(value, list):
            value = tuple(value)
        types = {"int": int, "float": float, "bool": bool, "str": str}
        if str(wanted) in types and type(value) is not types[str(wanted)]:
            raise ConfigError(f"{where}.{name} must be of the type {wanted}.", path=path)
        values[name] = value
    try:
        return kind(**values)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"The table {where} cannot be used: {error}.", path=path) from error
