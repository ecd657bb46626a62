"""The photos that the starter learns from: the table beside them, and views of each."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from geotagger.errors import GeotaggerError, UnreadableFileError
from geotagger.photos.decode import load_rgb
from geotagger.progress import CancelToken, Progress, ProgressCallback

INDEX_NAME = "index.csv"
EXACT_LABELS = frozenset({"exif", "manifest-gps"})
"""Labels of places that a receiver measured; all others name a town or a sight."""

SCENES = ("scene_indoor", "scene_natural", "scene_urban")
_COLUMNS = ("source_repo", "file", "lat", "lon", "taken_at", "album", "label_type", *SCENES)
_FIX = f"The table {INDEX_NAME} needs the columns {', '.join(_COLUMNS)}."
_LONGEST = 512
"""Photos are decoded this large; a crop of half the area still fills 224 pixels."""


@dataclass(frozen=True, slots=True)
class PhotoTable:
    """Rows of `INDEX_NAME`, column by column, N photos.

    Attributes
    ----------
    files
        Paths below the folder.
    sources, albums
        Numbers (N,) of whom a photo came from, and of the album; albums of two sources differ.
    source_names
        Names of the sources by number.
    lat, lon
        Degrees (N,).
    exact
        Whether a receiver measured the place (N,).
    seconds
        Time taken (N,) in seconds from any beginning, NaN where unknown.
    scenes
        Probabilities (N, 3) of indoor, natural, urban; rows sum to one.
    """

    files: tuple[str, ...]
    sources: NDArray[np.int64]
    source_names: tuple[str, ...]
    albums: NDArray[np.int64]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    exact: NDArray[np.bool_]
    seconds: NDArray[np.float64]
    scenes: NDArray[np.float32]

    def __len__(self) -> int:
        """Return the number of photos."""
        return len(self.files)

    def only(self, rows: NDArray[np.intp]) -> PhotoTable:
        """Return the table of some rows; sources keep their numbers."""
        return PhotoTable(
            tuple(self.files[row] for row in rows),
            self.sources[rows],
            self.source_names,
            self.albums[rows],
            self.lat[rows],
            self.lon[rows],
            self.exact[rows],
            self.seconds[rows],
            self.scenes[rows],
        )


def read_table(folder: Path) -> PhotoTable:
    """Return the table of a folder of photos.

    Raises
    ------
    GeotaggerError
        The table is missing, lacks a column, has no photos or a damaged line.
    """
    path = folder / INDEX_NAME
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise GeotaggerError(
                    f"The table has no column {missing[0]!r}.", path=path, remedy=_FIX
                )
            rows = [_row(row, path, reader.line_num) for row in reader]
    except OSError as error:
        raise GeotaggerError(
            f"The table of photos cannot be read ({error.strerror or error}).",
            path=path,
            remedy=_FIX,
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise GeotaggerError("The file is no CSV table.", path=path, remedy=_FIX) from error
    if not rows:
        raise GeotaggerError("The table has no photos.", path=path)
    names = tuple(sorted({row.source for row in rows}))
    number = {name: at for at, name in enumerate(names)}
    album_names = sorted({(row.source, row.album) for row in rows})
    album_number = {name: at for at, name in enumerate(album_names)}
    return PhotoTable(
        tuple(row.file for row in rows),
        np.array([number[row.source] for row in rows], np.int64),
        names,
        np.array([album_number[row.source, row.album] for row in rows], np.int64),
        np.array([row.lat for row in rows], np.float64),
        np.array([row.lon for row in rows], np.float64),
        np.array([row.exact for row in rows], np.bool_),
        np.array([row.seconds for row in rows], np.float64),
        np.array([row.scene for row in rows], np.float32),
    )


@dataclass(frozen=True, slots=True)
class _Row:
    source: str
    file: str
    album: str
    lat: float
    lon: float
    exact: bool
    seconds: float
    scene: tuple[float, ...]


def _row(row: dict[str, str | None], path: Path, line: int) -> _Row:
    try:
        lat, lon = float(row["lat"] or ""), float(row["lon"] or "")
        if not (abs(lat) <= 90.0 and abs(lon) <= 180.0):
            raise ValueError(f"{lat}, {lon} is no place on earth")
        scene = [float(row[name] or "") for name in SCENES]
        total = sum(scene)
        if min(scene) < 0.0 or not 0.5 < total < 1.5:
            raise ValueError("the scene's probabilities are none")
        seconds = np.nan
        if row["taken_at"]:
            when = datetime.fromisoformat(row["taken_at"])
            seconds = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
        file = row["file"]
        if not file or ".." in Path(file).parts or Path(file).is_absolute():
            raise ValueError("no file below the folder is named")
    except ValueError as error:
        raise GeotaggerError(f"Line {line} of the table is damaged: {error}.", path=path) from error
    return _Row(
        row["source_repo"] or "",
        file,
        row["album"] or "",
        lat,
        lon,
        (row["label_type"] or "") in EXACT_LABELS,
        seconds,
        tuple(one / total for one in scene),
    )


def views_of(
    folder: Path,
    table: PhotoTable,
    *,
    views: int,
    side: int,
    seed: int,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Iterator[NDArray[np.uint8] | None]:
    """Yield the views (V, S, S, 3) of each photo in turn, None for one that cannot be read.

    The first view is what the program itself shows to a model; the others are random crops,
    mirrored and recoloured, the same for the same seed and file.

    Raises
    ------
    CancelledError
        The token was cancelled.
    """
    for row, file in enumerate(table.files):
        if cancel is not None:
            cancel.raise_if_cancelled()
        if progress is not None:
            progress(Progress(row, len(table), "Looking at photos", file))
        path = folder / file
        try:
            plain = load_rgb(path, side, square=side)
            # Crops need the whole picture, the middle of it is not enough.
            whole = load_rgb(path, _LONGEST) if views > 1 else plain
        except UnreadableFileError:
            yield None
            continue
        rng = np.random.default_rng([seed, row])
        others = [_random_view(whole, side, rng) for _ in range(views - 1)]
        yield np.stack([plain, *others])
    if progress is not None:
        progress(Progress(len(table), len(table), "Looking at photos"))


def _random_view(
    whole: NDArray[np.uint8], side: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return a crop of 35 to 100 per cent of the area, mirrored and recoloured by chance."""
    height, width = whole.shape[:2]
    share = rng.uniform(0.35, 1.0)
    shape = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
    wide = min(width, max(1, round(np.sqrt(height * width * share * shape))))
    high = min(height, max(1, round(np.sqrt(height * width * share / shape))))
    left = int(rng.integers(width - wide + 1))
    top = int(rng.integers(height - high + 1))
    image = Image.fromarray(whole).resize(
        (side, side), Image.Resampling.BICUBIC, box=(left, top, left + wide, top + high)
    )
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for kind in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = kind(image).enhance(float(rng.uniform(0.7, 1.35)))
    return np.asarray(image, np.uint8)


def folds_of(table: PhotoTable, count: int) -> list[NDArray[np.intp]]:
    """Return the rows of each fold: whole sources, dealt so that exact places are spread evenly.

    Returns fewer folds than asked for where there are fewer sources.
    """
    exact = np.bincount(table.sources[table.exact], minlength=len(table.source_names))
    everything = np.bincount(table.sources, minlength=len(table.source_names))
    order: Sequence[int] = np.lexsort((-everything, -exact)).tolist()
    dealt: list[list[int]] = [[] for _ in range(min(count, int((everything > 0).sum())))]
    weights = np.zeros(len(dealt))
    for source in order:
        if everything[source] == 0:
            continue
        smallest = int(weights.argmin())
        dealt[smallest].append(source)
        weights[smallest] += exact[source] + 0.01 * everything[source]
    return [np.flatnonzero(np.isin(table.sources, sources)) for sources in dealt]
