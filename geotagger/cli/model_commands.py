"""``geotagger models``: list, install, verify, remove; and the model that a command uses."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from geotagger.cli.console import Console
from geotagger.cli.options import command, json_flag
from geotagger.errors import ModelError
from geotagger.models import store
from geotagger.models.catalogue import ModelRow, ModelState, catalogue
from geotagger.models.disk import megabytes
from geotagger.models.embedder import Embedder, load_embedder
from geotagger.models.http import is_address
from geotagger.models.installing import install_known, install_path
from geotagger.models.known import known_model
from geotagger.models.world import WorldModel

_INSTALL = (
    "install a model: by its NAME (fetched from the model hub, or from where --from says), or from "
    "a model folder or weights file on this computer. Nothing else ever fetches anything."
)


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its actions."""
    top = commands.add_parser("models", help="the models that look at the pictures")
    actions = top.add_subparsers(required=True, metavar="ACTION")
    json_flag(command(actions, "list", "list installed models and those that can be", _list))
    install = command(actions, "install", _INSTALL, _install)
    install.add_argument("source", metavar="NAME|FOLDER|FILE")
    install.add_argument(
        "--from",
        dest="origin",
        metavar="URL|FOLDER",
        help="a mirror, or a folder, in which the files lie as owner/name/file",
    )
    install.add_argument(
        "--offline",
        action="store_true",
        help="fetch nothing; what huggingface_hub has in its cache is used",
    )
    json_flag(install)
    verify = command(actions, "verify", "check the files of a model, and that it runs", _verify)
    verify.add_argument("name", metavar="NAME")
    json_flag(verify)
    remove = command(actions, "remove", "delete a model, or what was fetched of one", _remove)
    remove.add_argument("name", metavar="NAME")
    json_flag(remove)
    json_flag(command(actions, "path", "print the folder of the models", _path))


def chosen_embedder(
    folder: Path | None, console: Console, device: str | None = None
) -> Embedder | None:
    """Return the embedder of the model that a command was told, else of the one that is used.

    See `chosen_model` for the order. What cannot be loaded is told and the next one taken, unless
    a model or a device was named.

    Raises
    ------
    ModelError
        The model that was named is not there or not sound, or there is no such device.
    """
    named = folder is not None or device is not None or os.environ.get(store.CHOSEN)
    if named:
        chosen = chosen_model(folder, console)
        if chosen is not None:
            return load_embedder(chosen, device=device)
    else:
        _tell_damaged(console)
        for model in store.usable_models():
            try:
                return load_embedder(model.folder, device=device)
            except ModelError as error:
                console.error(f"model {model.name} is left out: {error}")
    why = "No model is wanted" if named == store.NONE else "No model is installed"
    console.hint(f"{why}: look-alikes say nothing, the albums still do.")
    return None


def chosen_world(embedder: Embedder | None, console: Console) -> WorldModel | None:
    """Return what a loaded model says of the world, None if it claims nothing.

    Raises
    ------
    ModelError
        The model is damaged or fails its self-check.
    """
    if embedder is None or embedder.folder is None or not embedder.config.world:
        return None
    from geotagger.models.world_load import load_world_model

    return load_world_model(embedder.folder, progress=console.progress)


def chosen_model(folder: Path | None, console: Console) -> Path | None:
    """Return the folder of the model that a command was told, else of the one that is used.

    ``folder`` is a model folder or the name of a model. Without it the order of
    `geotagger.models.store.usable_models` holds, the model that comes with the program last.

    Raises
    ------
    ModelError
        ``GEOTAGGER_MODEL`` names a model that is not there.
    """
    if folder is not None:
        return folder if folder.exists() else _by_name(folder)
    _tell_damaged(console)
    return next((model.folder for model in store.usable_models()), None)


def _by_name(named: Path) -> Path:
    """Return the folder of a model that was named; any other path stays as it is."""
    if len(named.parts) == 1:
        for model in (*store.model_folders(), store.builtin()):
            if model is not None and model.config is not None and model.name == str(named):
                return model.folder
    return named


def _tell_damaged(console: Console) -> None:
    for model in store.model_folders():
        if model.error is not None:
            console.error(f"model {model.name} is left out: {model.error}")


def _list(options: argparse.Namespace, console: Console) -> int:
    rows = catalogue()
    for row in rows:
        for line in _lines(row):
            console.say(line)
    console.result({"models": [_as_json(row) for row in rows]})
    return 1 if any(row.error for row in rows) else 0


def _install(options: argparse.Namespace, console: Console) -> int:
    named = str(options.source)
    if options.origin is not None:
        origin = options.origin
        place = origin if is_address(origin) else Path(origin).expanduser()
        model = install_known(
            named, origin=place, offline=options.offline, progress=console.progress
        )
    elif known_model(named) is not None:
        model = install_known(named, offline=options.offline, progress=console.progress)
    else:
        model = install_path(Path(named).expanduser(), progress=console.progress)
    row = next(row for row in catalogue() if row.folder == model.folder)
    for line in _lines(row):
        console.say(line)
    if model.unchecked:
        console.hint("The place stated no checksums: only the form and the self-check were tested.")
    console.result(_as_json(row))
    return 0


def _verify(options: argparse.Namespace, console: Console) -> int:
    model = store.find_model(options.name)
    config = store.verify(model.folder)
    console.say(f"sound  {config.name} {config.version}  {os.fsdecode(model.folder)}")
    row = next((row for row in catalogue() if row.folder == model.folder), None)
    told = {"name": config.name, "version": config.version} if row is None else _as_json(row)
    console.result({**told, "verified": True})
    return 0


def _remove(options: argparse.Namespace, console: Console) -> int:
    store.remove(options.name)
    console.say(f"removed  {options.name}")
    console.result({"removed": options.name})
    return 0


def _path(options: argparse.Namespace, console: Console) -> int:
    console.say(os.fsdecode(store.default_root()))
    console.result({"path": os.fsdecode(store.default_root())})
    return 0


def _lines(row: ModelRow) -> list[str]:
    """Return what is said of a model: name and state, then what it is, indented."""
    state = row.state.value + (", in use" if row.in_use else "")
    if row.state is ModelState.UNFINISHED:
        state += f" ({megabytes(row.fetched_bytes)})"
    first = f"{row.name}  {row.version}".rstrip() + f"  [{state}]"
    told = ", ".join(part for part in (row.licence, row.size_text) if part)
    below = [
        f"for: {row.purpose}" if row.purpose else "",
        f"licence and size: {told}" if told else "",
        f"from: {row.origin}" if row.origin else "",
        f"folder: {os.fsdecode(row.folder)}" if row.folder is not None else "",
        f"damaged: {row.error}" if row.error is not None else "",
    ]
    if row.state in (ModelState.AVAILABLE, ModelState.UNFINISHED):
        below.append(f"install with: geotagger models install {row.name}")
    return [first, *(f"    {text}" for text in below if text)]


def _as_json(row: ModelRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "state": row.state.value,
        "in_use": row.in_use,
        "purpose": row.purpose or None,
        "folder": None if row.folder is None else os.fsdecode(row.folder),
        "version": row.version or None,
        "licence": row.licence or None,
        "origin": row.origin or None,
        "size_bytes": row.size_bytes or None,
        "size_is_about": row.size_is_about,
        "fetched_bytes": row.fetched_bytes,
        "error": None if row.error is None else str(row.error),
    }
