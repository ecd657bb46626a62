"""How good suggestions are on one's own photos: hide the GPS of a library, and look for it.

Works on what the catalog holds, albums, embeddings and guesses as suggestions use them, and changes
nothing in it. Only GPS that the files had of their own is hidden and looked for: a place that was
accepted, or written by this program, is an opinion and no truth, and is left out altogether.

What would give the answer away is not heard: place names in the metadata of a hidden photo, which
are mostly written from its GPS, and byte-equal copies of it, whose GPS is the same. Captions,
keywords and names of folders are heard, as they are for photos without GPS.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geotagger.errors import GeotaggerError, TooFewPhotosError
from geotagger.evaluation.completion_result import MethodResult
from geotagger.evaluation.hidings import FIRST_CAMERA, SECOND_CAMERA, Way, chosen, shift_of
from geotagger.evaluation.library_score import OURS, AlbumScore, LibraryScore
from geotagger.evaluation.scoring import ORACLE, Truth, joined, rules, score_ours, score_simple
from geotagger.library import clocks, neighbours
from geotagger.library.album_guesses import heard_before
from geotagger.library.album_photos import album_photos
from geotagger.library.catalog import Catalog
from geotagger.library.listing import Listing
from geotagger.library.references import references_by_album
from geotagger.library.rows import PhotoState
from geotagger.library.world_guesses import Outline, world_cells
from geotagger.progress import CancelToken, Progress, ProgressCallback
from geotagger.suggest import clocks as clocks_of
from geotagger.suggest.album import suggest_album
from geotagger.suggest.clock_course import Corrections
from geotagger.suggest.company import Company, together
from geotagger.suggest.types import AlbumPhoto, AnchorKind, References, TextKind, WorldCells

SEEDS = 3
SHARE = 0.8

_OF_THE_ALBUM = ("album_mean", "nearest_lookalike")


@dataclass(frozen=True, slots=True)
class KnownFolder:
    """A folder with photos that have GPS of their own, those in it counted, not those below."""

    title: str
    folder: Path
    photos: int


def known_folders(catalog: Catalog, root: Path) -> list[KnownFolder]:
    """Return the folders below a root whose photos have GPS of their own, by path."""
    listing = Listing.load(catalog, root)
    counted = Counter(row.folder for row in listing.chosen(states={PhotoState.HAS_GPS}))
    return [
        KnownFolder(album.title, album.folder, counted[album.folder])
        for album in listing.albums()
        if counted[album.folder]
    ]


def evaluate_library(
    catalog: Catalog,
    root: Path,
    *,
    how: Way = Way.RANDOM,
    share: float = SHARE,
    seeds: int = SEEDS,
    model: str | None = None,
    world: Outline | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> LibraryScore:
    """Return how well the hidden GPS of the photos below a root is found again.

    Of each album's photos with GPS a ``share`` is hidden in the way ``how``, at least one, and at
    least one is left; ``seeds`` times with other photos. A second camera is always a half. Photos
    without GPS stay out, so what is measured are the kind of photos that have GPS. Photos with GPS
    in the folders around take part as they do in suggestions, for the simple rules, too, unless
    the album is made one of two cameras. ``model`` is the `model_key` of the embedder whose stored
    embeddings count, ``world`` the world model whose stored guesses do; photos of other albums are
    references, and clocks are corrected, as always. The calibration is the shipped one. The catalog
    is only read.

    Raises
    ------
    TooFewPhotosError
        No album has photos with GPS that can be hidden in that way.
    GeotaggerError
        ``share`` is not between 0 and 1, or ``seeds`` is below 1.
    CancelledError
        The token was cancelled.
    """
    if not 0.0 < share < 1.0:
        raise GeotaggerError(f"The share to hide must be between 0 and 1, not {share:g}.")
    if seeds < 1:
        raise GeotaggerError(f"At least one seed is needed, not {seeds}.")
    cells = None if world is None else world_cells(world)
    partition = "" if world is None else world.key
    with_look = model is not None
    albums = Listing.load(catalog, root).albums()
    truths = _truths(catalog, root)
    around = None if model is None else references_by_album(catalog, model)
    content = _contents(catalog)
    scores: list[AlbumScore] = []
    left_out = embedded = 0
    for number, album in enumerate(albums):
        photos = album_photos(catalog, album.id, model, partition=partition)
        if model is not None and world is not None:
            photos = heard_before(catalog, album.id, photos, model, world)
        photos = [one for one in photos if one.key in truths and one.anchor is not None]
        photos = _once(photos, content)
        right = clocks.corrections(catalog, album.id)
        references = around(album.id) if around is not None and len(photos) > 1 else None
        rounds: list[dict[str, MethodResult]] = []
        for seed in range(seeds if len(photos) > 1 else 0):
            if cancel is not None:
                cancel.raise_if_cancelled()
            if progress is not None:
                at, total = number * seeds + seed, len(albums) * seeds
                progress(Progress(at, total, "Hiding and looking", album.title))
            hidden = _hidden(photos, truths, how, share, seed, album.folder.name, right)
            if hidden is None:
                continue
            beside = Company()
            if not how.of_stream:
                beside = _beside(catalog, album.id, hidden.photos, right, model, content)
            known = without_copies(references, [*photos, *beside.photos])
            rounds.append(_placed(hidden, beside, known, cells, with_look, cancel))
        if not rounds:
            left_out += 1
            continue
        embedded += sum(one.embedding is not None for one in photos)
        methods = {name: joined([one[name] for one in rounds]) for name in rounds[0]}
        scores.append(AlbumScore(album.title, len(photos), methods))
    if progress is not None:
        progress(Progress(len(albums) * seeds, len(albums) * seeds, "Hiding and looking"))
    if not scores:
        raise _too_few(root, how, len(truths), anything=bool(albums))
    pooled = {name: joined([album.methods[name] for album in scores]) for name in scores[0].methods}
    shown = 0.5 if how.of_stream else share
    return LibraryScore(tuple(scores), pooled, how, shown, seeds, left_out, embedded, model or "")


def _too_few(root: Path, how: Way, known: int, *, anything: bool) -> TooFewPhotosError:
    """Return the error that says what is missing."""
    found = "No photo here has" if known == 0 else "1 photo here has" if known == 1 else ""
    found = found or f"{known:,} photos here have"
    need = "at least two photos with GPS in one folder; thirty or more say something."
    if how is Way.DAYS:
        need = "at least one folder with photos with GPS of two days."
    remedy = "" if anything else "Scan the folder first: geotagger scan FOLDER."
    return TooFewPhotosError(f"{found} GPS of its own; this needs {need}", path=root, remedy=remedy)


def _truths(catalog: Catalog, root: Path) -> dict[str, tuple[float, float]]:
    """Return the places of the photos whose GPS is their own, by the key that `suggest` uses."""
    rows = Listing.load(catalog, root).chosen(states={PhotoState.HAS_GPS})
    return {
        str(row.id): (row.lat, row.lon)
        for row in rows
        if row.lat is not None and row.lon is not None
    }


def _contents(catalog: Catalog) -> dict[str, object]:
    """Return what tells the contents of photos apart, by the key that `suggest` uses."""
    with catalog.reading() as connection:
        rows = connection.execute("SELECT id, fingerprint FROM photos").fetchall()
    return {str(row["id"]): row["fingerprint"] for row in rows}


def _once(photos: Sequence[AlbumPhoto], content: Mapping[str, object]) -> list[AlbumPhoto]:
    """Return the photos, of byte-equal ones only the first: a copy would give the place away."""
    seen: set[object] = set()
    kept = []
    for photo in photos:
        digest = content.get(photo.key)
        if digest is None or digest not in seen:
            kept.append(photo)
        seen.add(digest)
    return kept


def _beside(
    catalog: Catalog,
    album: str,
    photos: Sequence[AlbumPhoto],
    right: Corrections,
    model: str | None,
    content: Mapping[str, object],
) -> Company:
    """Return the photos of other folders that the album hears: with GPS of their own, no copies."""
    mine = {content.get(photo.key) for photo in photos}
    streams = []
    for stream in neighbours.streams_of(catalog, album, photos, model):
        kept = tuple(
            one
            for one in stream.photos
            if one.anchor is not None
            and one.anchor.kind is AnchorKind.GPS
            and content.get(one.key) not in mine
        )
        if kept:
            streams.append(replace(stream, photos=kept))
    found = clocks.found_of(catalog, album) if streams else []
    return together(photos, streams, found=found, clock_seconds=right)


def without_copies(
    references: References | None, photos: Sequence[AlbumPhoto]
) -> References | None:
    """Return the references without those that look exactly, bit for bit, like one of the photos.

    Embeddings are kept by content, so these are copies of the photos in other folders.
    """
    vectors = [one.embedding for one in photos if one.embedding is not None]
    if references is None or not vectors or len(vectors[0]) != references.embeddings.shape[1]:
        return references
    keep = ~np.isin(_bits(references.embeddings), _bits(np.stack(vectors)))
    if keep.all():
        return references
    return references.of(np.flatnonzero(keep))


def _bits(vectors: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Return a number (N,) for vectors (N, D), equal for those whose first numbers are equal."""
    words = np.ascontiguousarray(vectors[:, :8]).view(np.uint32).astype(np.uint64)
    mixed = np.zeros(len(words), np.uint64)
    for column in words.T:
        mixed = mixed * np.uint64(6364136223846793005) + column  # Knuth's MMIX multiplier
    return mixed


@dataclass(frozen=True, slots=True)
class _Hidden:
    """An album with some places hidden.

    ``clock_seconds`` are the corrections that hold in the catalog; None where the album was made
    one of two cameras, whose clocks have to be found.
    """

    photos: list[AlbumPhoto]
    truth: Truth
    clock_seconds: Corrections | None


def _hidden(
    photos: Sequence[AlbumPhoto],
    truths: Truth,
    how: Way,
    share: float,
    seed: int,
    name: str,
    right: Corrections,
) -> _Hidden | None:
    """Return the album with some places hidden; None if it cannot be hidden in that way.

    The choice depends on the seed and on the folder's name, not on where the library lies.
    """
    generator = np.random.default_rng([seed, zlib.crc32(name.encode("utf-8", "surrogateescape"))])
    seen = clocks_of.shifted(photos, right)
    days = [None if photo.when is None else photo.when.date() for photo in seen]
    rows = chosen(how, days, share, generator)
    if not rows:
        return None
    truth = {photos[row].key: truths[photos[row].key] for row in rows}
    if not how.of_stream:
        some = [_blind(one) if row in rows else one for row, one in enumerate(photos)]
        return _Hidden(some, truth, right)
    walls = [one.when.replace(tzinfo=None) for one in seen if one.when is not None]
    off = {SECOND_CAMERA: shift_of(how, generator, min(walls, default=datetime(1970, 1, 1)))}
    two = [
        replace(_blind(one), camera=SECOND_CAMERA)
        if row in rows
        else replace(one, camera=FIRST_CAMERA)
        for row, one in enumerate(seen)
    ]
    return _Hidden(clocks_of.shifted(two, off), truth, None)


def _blind(photo: AlbumPhoto) -> AlbumPhoto:
    """Return a photo without its place, and without the names that were written from it."""
    texts = tuple(text for text in photo.texts if text.kind is not TextKind.PLACE)
    return replace(photo, anchor=None, texts=texts)


def _placed(
    hidden: _Hidden,
    beside: Company,
    references: References | None,
    world: WorldCells | None,
    with_look: bool,
    cancel: CancelToken | None,
) -> dict[str, MethodResult]:
    """Return what each method makes of the hidden photos.

    The rules that go by time hear the folders around as well, those that go by the album do not.
    """
    heard = [*hidden.photos, *beside.photos]
    suggested = suggest_album(
        heard,
        references=references,
        world=world,
        clock_seconds=hidden.clock_seconds,
        cancel=cancel,
    )
    suggested = beside.believed(suggested, hidden.photos)
    simple = score_simple(heard, hidden.truth, rules(with_look))
    alone = {name: rule for name, rule in rules(with_look).items() if name in _OF_THE_ALBUM}
    own = score_simple(hidden.photos, hidden.truth, alone)
    simple |= {name: own[name] for name in alone}
    names = (*rules(with_look), ORACLE)
    return {OURS: score_ours(suggested, hidden.truth)} | {
        name: MethodResult(simple[name]) for name in names
    }
