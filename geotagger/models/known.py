"""The models that this program knows by name: whose they are, how large, what files make them.

Only what can be known beforehand is here. The checksums of files on the model hub are those that
the hub states for the commit at hand; they are held against what comes and kept in the installed
model's ``config.json``.
"""

from __future__ import annotations

from dataclasses import dataclass

from geotagger.errors import ModelError

FETCHED_SUFFIXES = (".safetensors", ".json", ".csv", ".txt", ".md")
"""The only kinds of files that are ever fetched: numbers and text. No file that could bring code
along (pickles: ``.bin``, ``.pt``, ``.pth``, ``.ckpt``; scripts) is asked for."""

MODEL_SUFFIXES = (*FETCHED_SUFFIXES, ".npz")
"""The kinds of files that a model folder may list; partitions are NumPy archives without objects.
Anything else that lies in a folder is never opened and not copied along."""

STARTER = "starter"
GEOCLIP = "geoclip"


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file of a repository.

    Attributes
    ----------
    name
        What it is called; empty where ``named_by`` tells.
    limit
        Bytes above which it is refused.
    named_by
        The key of the repository's ``config.json`` that states the name.
    required
        Whether the model is incomplete without it.
    """

    name: str
    limit: int
    named_by: str = ""
    required: bool = True


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository on the hub, and in the same words a folder of a mirror.

    ``revision`` is a branch or commit, empty where another repository states it; ``config.json``
    comes first among ``files``, for it may name others.
    """

    repo_id: str
    revision: str
    files: tuple[KnownFile, ...]


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that can be installed by name, or that comes with the program.

    Attributes
    ----------
    name, purpose, licence, origin
        What is told before anything is fetched.
    about_bytes
        How much is fetched, rounded as its makers state it; 0 for what comes along.
    repositories
        Where it is; empty for what comes along.
    """

    name: str
    purpose: str
    licence: str
    origin: str
    about_bytes: int
    repositories: tuple[Repository, ...]


_SMALL = 4 << 20

KNOWN = (
    KnownModel(
        name=GEOCLIP,
        purpose="says where in the world a photo may be from, and finds look-alikes",
        licence="MIT",
        origin="GeoCLIP (VicenteVivanco/geoclip-geolocation) on CLIP ViT-L/14 (openai)",
        about_bytes=1_715_000_000,
        repositories=(
            Repository(
                "VicenteVivanco/geoclip-geolocation",
                "main",
                (
                    KnownFile("config.json", _SMALL),
                    KnownFile("model.safetensors", 1 << 30),
                    KnownFile("", 256 << 20, named_by="gallery_file"),
                    KnownFile("selfcheck.safetensors", 64 << 20, required=False),
                ),
            ),
            Repository(
                "openai/clip-vit-large-patch14",
                "",
                (
                    KnownFile("config.json", _SMALL),
                    KnownFile("preprocessor_config.json", _SMALL, required=False),
                    KnownFile("model.safetensors", 8 << 30),
                ),
            ),
        ),
    ),
    KnownModel(
        name=STARTER,
        purpose="finds look-alikes and tells indoor, natural and urban apart; small and fast",
        licence="Apache-2.0",
        origin="comes with this program",
        about_bytes=0,
        repositories=(),
    ),
)


def known_models() -> tuple[KnownModel, ...]:
    """Return all known models, those that can be installed first."""
    return KNOWN


def known_model(name: str) -> KnownModel | None:
    """Return the known model of a name, None if there is none."""
    return next((model for model in KNOWN if model.name == name), None)


def installable(name: str) -> KnownModel:
    """Return the known model of a name that can be fetched.

    Raises
    ------
    ModelError
        There is none.
    """
    model = known_model(name)
    if model is None:
        raise ModelError(
            f"No model {name!r} is known.",
            remedy="See geotagger models list, or install a folder or a weights file.",
        )
    if not model.repositories:
        raise ModelError(f"The model {name!r} comes with the program and needs no installing.")
    return model
