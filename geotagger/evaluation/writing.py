"""Write GPS into copies of a corpus, by this program and by others, and see what else changed.

Nothing in the corpus is written to: each writer gets a copy of each file in a temporary folder.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from geotagger.errors import FolderError, GeotaggerError
from geotagger.evaluation import peers, tag_compare
from geotagger.evaluation.exiftool import ExifTool, ExifToolError, installed
from geotagger.evaluation.peers import Place, Written
from geotagger.photos.bounded import BoundedPool
from geotagger.photos.find import Found, find_photos
from geotagger.photos.gps_write import GpsFix
from geotagger.progress import Progress, ProgressCallback

OURS, EXIFTOOL = "Photo Geotagger", "ExifTool"
PEERS = ("piexif", "Pillow", EXIFTOOL)
READERS = ("exifread", "Pillow", "piexif", EXIFTOOL)
FIX = GpsFix(-33.856784, -151.215297, radius_m=25.0)
"""In the south and the west, so that a lost hemisphere is seen."""
TOLERANCE_DEG = 3e-8
TIMEOUT_S = 60.0
MEMORY = 2 << 30


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file with one writer.

    ``how`` is "written", "sidecar" or "refused"; ``lost``, ``added`` and ``maker_notes`` are the
    tags that differ; ``picture`` whether the picture's bytes are the same, None where that cannot
    be told; ``read_back`` maps a reader to "same", "nothing" or "another place"; ``sidecar`` and
    ``undone`` whether the sidecar holds the place and the undo gave identical bytes, None where
    there was nothing to try.
    """

    file: str
    writer: str
    how: str
    reason: str = ""
    lost: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    maker_notes: tuple[str, ...] = ()
    picture: bool | None = None
    read_back: Mapping[str, str] = field(default_factory=dict)
    sidecar: bool | None = None
    undone: bool | None = None


@dataclass(frozen=True, slots=True)
class WritingReport:
    """All results; ``judge`` is who compared the tags."""

    judge: str
    results: tuple[FileResult, ...]

    def of(self, writer: str) -> list[FileResult]:
        """Return the results of one writer."""
        return [result for result in self.results if result.writer == writer]

    def summary(self) -> dict[str, dict[str, int]]:
        """Return the counts of the table by writer and column."""
        writers = dict.fromkeys(result.writer for result in self.results)
        return {writer: _counts(self.of(writer)) for writer in writers}

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "judge": self.judge,
            "summary": self.summary(),
            "files": [asdict(result) for result in self.results],
        }

    def table(self) -> str:
        """Return the counts as text, a row per column of the summary."""
        summary = self.summary()
        wide = max(len(name) for counts in summary.values() for name in counts)
        lines = [" " * wide + "".join(f"{writer:>17}" for writer in summary)]
        for name in next(iter(summary.values())):
            lines.append(
                f"{name:<{wide}}" + "".join(f"{counts[name]:>17}" for counts in summary.values())
            )
        return "\n".join((*lines, f"Tags compared by {self.judge}."))


def _counts(results: list[FileResult]) -> dict[str, int]:
    def count(condition: Any) -> int:
        return sum(1 for result in results if condition(result))

    counts = {
        "files": len(results),
        "written in the file": count(lambda r: r.how == "written"),
        "sidecar instead": count(lambda r: r.how == "sidecar"),
        "refused": count(lambda r: r.how == "refused"),
        "another tag lost or changed": count(lambda r: r.lost),
        "another tag added": count(lambda r: r.added),
        "maker notes changed": count(lambda r: r.maker_notes),
        "picture bytes changed": count(lambda r: r.picture is False),
        "sidecar without the place": count(lambda r: r.sidecar is False),
        "undo not identical": count(lambda r: r.undone is False),
    }
    for reader in READERS:
        for what in ("same", "nothing", "another place"):
            counts[f"read by {reader}: {what}"] = count(
                lambda r, reader=reader, what=what: r.read_back.get(reader) == what
            )
    return counts


def evaluate_writing(
    corpus: Path,
    *,
    with_peers: bool = True,
    limit: int | None = None,
    progress: ProgressCallback | None = None,
) -> WritingReport:
    """Return how writing GPS went with every photo of a folder, the folder itself untouched.

    Parameters
    ----------
    corpus
        The folder, walked as a scan would walk it.
    with_peers
        Whether piexif, Pillow and ExifTool (where installed) write as well.
    limit
        How many files to take, all if None.

    Raises
    ------
    FolderError
        If the folder is not there or holds no photo.
    """
    corpus = corpus.absolute()
    files = [path for found in find_photos(corpus) for path in _files(found)][:limit]
    if not files:
        raise FolderError("There are no photos in the folder.", path=corpus)
    with ExitStack() as stack:
        bench = _Bench(
            Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="geotagger-writing-"))),
            stack.enter_context(BoundedPool(1, TIMEOUT_S, MEMORY)),
            stack.enter_context(ExifTool(TIMEOUT_S)) if installed() else None,
        )
        results: list[FileResult] = []
        for number, path in enumerate(files):
            if progress is not None:
                progress(Progress(number, len(files), "Writing copies", path.name))
            results.extend(bench.measure(path, os.path.relpath(path, corpus), with_peers))
        if progress is not None:
            progress(Progress(len(files), len(files), "Writing copies"))
        judge = "this program" if bench.exiftool is None else f"ExifTool {bench.exiftool.version()}"
    return WritingReport(judge, tuple(results))


def _files(found: object) -> Iterator[Path]:
    if isinstance(found, Found):
        yield found.path
        yield from (p for p in found.companions if p.suffix.lower() not in (".mov", ".mp4"))


class _Bench:
    """Copies, writes, compares; whatever parses runs in the pool or in ExifTool's process."""

    def __init__(self, folder: Path, pool: BoundedPool, exiftool: ExifTool | None) -> None:
        self._folder = folder
        self._pool = pool
        self.exiftool = exiftool
        self._journal = folder / "journal.sqlite"

    def measure(self, path: Path, name: str, with_peers: bool) -> Iterator[FileResult]:
        copy = self._copy(path)
        before, picture = self._tags(copy), self._picture(copy)
        yield self._ours(path, name, before, picture)
        for writer in PEERS if with_peers else ():
            if writer == EXIFTOOL and self.exiftool is None:
                continue
            copy = self._copy(path)
            written = self._by_peer(copy, writer)
            yield self._judged(
                FileResult(name, writer, written.how), written, copy, before, picture
            )

    def _copy(self, path: Path) -> Path:
        """Return a copy with nothing beside it, under a name that every program can take."""
        folder = self._folder / "file"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        copy = folder / f"photo{path.suffix}"
        shutil.copyfile(path, copy)
        return copy

    def _ours(
        self, path: Path, name: str, before: dict[str, Any] | None, picture: str | None
    ) -> FileResult:
        copy = self._copy(path)
        old, own = copy.read_bytes(), self._own_tags(copy)
        written = self._write_ours(copy, always_sidecar=False)
        blank = FileResult(name, OURS, written.how)
        sidecar: bool | None = None
        if written.how != "written":
            beside = written
            if written.how == "refused":
                beside = self._write_ours(copy, always_sidecar=True)
            sidecar = self._sidecar_holds(beside)
        result = self._judged(blank, written, copy, before, picture)
        # ExifTool does not decode every maker note; our own reader compares them byte by byte.
        found = tag_compare.compare(own or {}, self._own_tags(copy) or {})
        undone: bool | None = None
        if written.how != "refused":
            undone = self._undo(copy, written) and copy.read_bytes() == old
            undone = undone and [p.name for p in copy.parent.iterdir()] == [copy.name]
        values = {key: getattr(result, key) for key in FileResult.__slots__}
        values |= {"sidecar": sidecar, "undone": undone}
        values["lost"] += found.lost
        values["maker_notes"] += found.maker_notes
        return FileResult(**values)

    def _write_ours(self, copy: Path, *, always_sidecar: bool) -> Written:
        try:
            return self._pool.run(peers.write_ours, copy, self._journal, FIX, always_sidecar)
        except GeotaggerError as error:
            return Written("refused", error.message)

    def _undo(self, copy: Path, written: Written) -> bool:
        try:
            return self._pool.run(peers.undo_ours, copy, self._journal, written.write_id)
        except GeotaggerError:
            return False

    def _by_peer(self, copy: Path, writer: str) -> Written:
        try:
            if writer != EXIFTOOL:
                return self._pool.run(peers.write_peer, copy, writer, FIX)
            assert self.exiftool is not None
            self.exiftool.write(copy, *exiftool_assignments(FIX))
        except (GeotaggerError, ExifToolError) as error:
            return Written("refused", str(error))
        return Written("written", destination=copy)

    def _judged(
        self,
        blank: FileResult,
        written: Written,
        copy: Path,
        before: dict[str, Any] | None,
        picture: str | None,
    ) -> FileResult:
        """Return the result with what differs; also a file that was refused must be the same."""
        after = self._tags(copy)
        unread = ("the file cannot be read any more",)
        lost: tuple[str, ...] = () if before is None else unread
        added: tuple[str, ...] = ()
        notes: tuple[str, ...] = ()
        if before is not None and after is not None:
            found = tag_compare.compare(before, after)
            lost, added, notes = found.lost, found.added, found.maker_notes
        same = None if picture is None else self._picture(copy) == picture
        back = self._read_back(copy, after) if written.how == "written" else {}
        return FileResult(
            blank.file,
            blank.writer,
            written.how,
            written.reason,
            lost,
            added,
            notes,
            same,
            back,
        )

    def _read_back(self, copy: Path, tags: dict[str, Any] | None) -> dict[str, str]:
        try:
            places = self._pool.run(peers.read_places, copy)
        except GeotaggerError:
            places = dict.fromkeys(READERS[:-1])
        if self.exiftool is not None:
            places[EXIFTOOL] = _by_exiftool(tags or {})
        return {reader: _verdict(place) for reader, place in places.items()}

    def _sidecar_holds(self, written: Written) -> bool:
        if written.how != "sidecar" or written.destination is None:
            return False
        try:
            places: list[Place | None] = [self._pool.run(peers.read_sidecar, written.destination)]
            if self.exiftool is not None:
                places.append(_by_exiftool(self.exiftool.tags(written.destination)))
        except (GeotaggerError, ExifToolError):
            return False
        return all(_verdict(place) == "same" for place in places)

    def _tags(self, path: Path) -> dict[str, Any] | None:
        try:
            if self.exiftool is not None:
                return self.exiftool.tags(path)
        except ExifToolError:
            return None
        return self._own_tags(path)

    def _own_tags(self, path: Path) -> dict[str, Any] | None:
        try:
            return self._pool.run(tag_compare.own_tags, path)
        except GeotaggerError:
            return None

    def _picture(self, path: Path) -> str | None:
        try:
            return self._pool.run(tag_compare.picture_digest, path)
        except GeotaggerError:
            return None


def exiftool_assignments(fix: GpsFix) -> tuple[str, ...]:
    """Return the arguments with which ExifTool writes a place."""
    return (
        f"-GPSLatitude={abs(fix.lat)}",
        f"-GPSLatitudeRef={'S' if fix.lat < 0 else 'N'}",
        f"-GPSLongitude={abs(fix.lon)}",
        f"-GPSLongitudeRef={'W' if fix.lon < 0 else 'E'}",
    )


def _by_exiftool(tags: Mapping[str, Any]) -> Place | None:
    """Return the place in ExifTool's tags of a photo, or of a sidecar, whose values have signs."""
    for group in ("Composite", "XMP:XMP-exif"):
        lat, lon = (tags.get(f"{group}:GPS{name}") for name in ("Latitude", "Longitude"))
        if isinstance(lat, int | float) and isinstance(lon, int | float):
            return float(lat), float(lon)
    return None


def _verdict(place: Place | None) -> str:
    if place is None:
        return "nothing"
    near = abs(place[0] - FIX.lat) <= TOLERANCE_DEG and abs(place[1] - FIX.lon) <= TOLERANCE_DEG
    return "same" if near else "another place"
