"""The registry of containers that can take GPS in the file; adding one means adding one module."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from geotagger.photos.containers.jpeg import Jpeg
from geotagger.photos.containers.png import Png
from geotagger.photos.containers.tiff import Tiff
from geotagger.photos.containers.webp import Webp
from geotagger.photos.edits import Edit
from geotagger.photos.gps_write import GpsFix
from geotagger.photos.record import Kind
from geotagger.photos.sniff import HEAD_SIZE, kind_of_content
from geotagger.photos.tiff_block import GpsTags


class Container(Protocol):
    """What a container module offers; `path` is only for the words of errors."""

    kind: Kind

    def read(self, source: BinaryIO, path: Path) -> GpsTags:
        """Return the GPS tags in the file; raise WriteRefusedError if it is malformed."""

    def edits(self, source: BinaryIO, path: Path, fix: GpsFix | None) -> list[Edit]:
        """Return the edits that write `fix`, or clear GPS for None.

        Raise WriteRefusedError if the file cannot take it safely.
        """

    def check(self, old: BinaryIO, new: BinaryIO, path: Path, fix: GpsFix | None) -> None:
        """Raise WriteError unless `new` is `old` with exactly this GPS and no other difference."""


CONTAINERS: Sequence[Container] = (Jpeg(), Png(), Webp(), Tiff())


def container_of(source: BinaryIO, path: Path) -> Container | None:
    """Return the container that writes this file by its content, None if there is none yet."""
    source.seek(0)
    kind = kind_of_content(source.read(HEAD_SIZE), path.name)
    return next((container for container in CONTAINERS if container.kind is kind), None)
