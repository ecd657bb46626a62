"""Prepare one write of GPS: the whole work on untrusted content, fit for a bounded worker.

What is parsed, patched, copied and checked is somebody's file; the process that does it may run
out of time or memory. The file itself is not touched here: `replace.swap` does that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from geotagger.errors import FileChangedError, WriteError
from geotagger.photos import replace
from geotagger.photos.containers.registry import container_of
from geotagger.photos.edits import Edit
from geotagger.photos.gps_write import GpsFix
from geotagger.photos.record import FileStamp
from geotagger.photos.replace import Prepared, Steps, no_steps
from geotagger.photos.sidecar import Sidecar
from geotagger.photos.write_errors import explain_write_error


@dataclass(frozen=True, slots=True)
class Preparation:
    """One write to prepare.

    ``path`` is the photo, ``destination`` the file that changes (links resolved), ``in_file``
    whether that is the photo itself; ``fix`` is None to take GPS out; ``expected`` is the
    destination's stamp, None if it will be created; ``token`` names the temporary files;
    ``stamp`` is the photo's, as it must still be.
    """

    path: Path
    destination: Path
    in_file: bool
    fix: GpsFix | None
    expected: FileStamp | None
    token: str
    stamp: FileStamp


def prepare_write(task: Preparation, steps: Steps = no_steps) -> Prepared:
    """Return the new content, written beside the file, synced and checked; see `replace.prepare`.

    Raises
    ------
    WriteRefusedError, FileChangedError, WriteError
        With the path; nothing was left behind.
    """
    _require_unchanged(task)

    def build(source: BinaryIO) -> Sequence[Edit]:
        if not task.in_file:
            return Sidecar().edits(source, task.destination, task.fix)
        container = container_of(source, task.path)
        if container is None:
            raise FileChangedError("The file is of another kind than before.", path=task.path)
        return container.edits(source, task.path, task.fix)

    def check(old: BinaryIO, new: BinaryIO) -> None:
        if not task.in_file:
            Sidecar().check(old, new, task.destination, task.fix)
            return
        container = container_of(new, task.path)
        if container is None:
            raise WriteError("The result is no photo any more.", path=task.path)
        container.check(old, new, task.path, task.fix)

    return replace.prepare(
        task.destination,
        token=task.token,
        expected=task.expected,
        build=build,
        check=check,
        steps=steps,
    )


def _require_unchanged(task: Preparation) -> None:
    """Refuse to describe, in a sidecar, a photo that is no longer the one that was scanned."""
    try:
        stamp = replace.stamp_of(task.path)
    except OSError as error:
        raise explain_write_error(error, task.path) from error
    if stamp != task.stamp:
        raise FileChangedError(
            "The file was changed by another program.",
            path=task.path,
            remedy="Scan the folder again, then write again.",
        )
