"""``geotagger models``: list, install, verify, remove; and the model that a command uses."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from geotagger.cli.console import Console
from geotagger.cli.options import command, json_flag, path
from geotagger.errors import ModelError
from geotagger.models import store
from geotagger.models.embedder import Embedder, load_embedder


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its actions."""
    top = commands.add_parser("models", help="the models that look at the pictures")
    actions = top.add_subparsers(required=True, metavar="ACTION")
    json_flag(command(actions, "list", "list the installed models", _list))
    install = command(actions, "install", "install a model from a folder or weights file", _install)
    install.add_argument("source", type=path, metavar="FOLDER|FILE")
    json_flag(install)
    verify = command(actions, "verify", "check the files of an installed model", _verify)
    verify.add_argument("name", metavar="NAME")
    json_flag(verify)
    remove = command(actions, "remove", "delete an installed model", _remove)
    remove.add_argument("name", metavar="NAME")
    json_flag(remove)
    json_flag(command(actions, "path", "print the folder of the models", _path))


def chosen_embedder(folder: Path | None, console: Console) -> Embedder | None:
    """Return the embedder in a folder, else the first sound one installed, else None.

    Raises
    ------
    ModelError
        The folder was named and holds no sound model.
    """
    if folder is not None:
        return load_embedder(folder)
    for model in store.model_folders():
        if model.error is None:
            return load_embedder(model.folder)
        console.error(f"model {model.name} is left out: {model.error}")
    console.hint("No model is installed: look-alikes say nothing, the albums still do.")
    return None


def _list(options: argparse.Namespace, console: Console) -> int:
    models = store.model_folders()
    for model in models:
        console.say(_line(model))
    if not models:
        console.say(f"No model is installed in {store.default_root()}.")
    console.result({"models": [_as_json(model) for model in models]})
    return 1 if any(model.error for model in models) else 0


def _install(options: argparse.Namespace, console: Console) -> int:
    model = store.install(options.source)
    console.say(f"installed  {_line(model)}")
    console.result(_as_json(model))
    return 0


def _verify(options: argparse.Namespace, console: Console) -> int:
    model = _named(options.name)
    store.verify(model.folder)
    console.say(f"sound      {_line(model)}")
    console.result({**_as_json(model), "verified": True})
    return 0


def _remove(options: argparse.Namespace, console: Console) -> int:
    store.remove(options.name)
    console.say(f"removed    {options.name}")
    console.result({"removed": options.name})
    return 0


def _path(options: argparse.Namespace, console: Console) -> int:
    console.say(os.fsdecode(store.default_root()))
    console.result({"path": os.fsdecode(store.default_root())})
    return 0


def _named(name: str) -> store.InstalledModel:
    for model in store.model_folders():
        if model.name == name:
            return model
    raise ModelError(
        f"No model {name!r} is installed.",
        path=store.default_root(),
        remedy="See geotagger models list.",
    )


def _line(model: store.InstalledModel) -> str:
    if model.config is None:
        return f"{model.name}: {model.error}"
    config = model.config
    return f"{config.name} {config.version} ({config.licence}) {os.fsdecode(model.folder)}"


def _as_json(model: store.InstalledModel) -> dict[str, Any]:
    config = model.config
    return {
        "name": model.name,
        "folder": os.fsdecode(model.folder),
        "version": None if config is None else config.version,
        "licence": None if config is None else config.licence,
        "origin": None if config is None else config.origin,
        "error": None if model.error is None else str(model.error),
    }
