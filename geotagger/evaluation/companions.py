"""What the other albums of a table are to one of them: folders beside it, and a library.

A program that looks for an album's places has the rest of its user's library at hand, places and
all: photos of the same outing in other folders (see `suggest.company`), and look-alikes from
anywhere. So has an evaluation, as long as nothing was fitted on the album under test and no copy
of one of its photos gives its place away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from geotagger.evaluation.albums_csv import KnownPhoto
from geotagger.evaluation.hidings import FIRST_CAMERA, GPS_RADIUS_M
from geotagger.library.neighbours import WINDOW_S
from geotagger.suggest import timeline
from geotagger.suggest.company import Company, Stream, together
from geotagger.suggest.dated_names import dated
from geotagger.suggest.retrieval import scenes_of
from geotagger.suggest.scene import FloatArray
from geotagger.suggest.types import AlbumPhoto, Anchor, AnchorKind, References

_COPY_COSINE = 0.9999
_COPY_DEGREES = 1e-6


class OtherAlbums:
    """The albums of a table, each of which the others may be asked about.

    Parameters
    ----------
    albums
        The photos of each album.
    vectors
        Embeddings by file; photos that are missing have none.
    """

    def __init__(
        self,
        albums: Sequence[Sequence[KnownPhoto]],
        vectors: Mapping[str, NDArray[np.float32]],
    ) -> None:
        rows = [row for album in albums for row in album]
        self._album = np.array([at for at, album in enumerate(albums) for _ in album], np.intp)
        self._owner = [PurePosixPath(row.file).parts[0] for row in rows]
        self._lat = np.array([row.lat for row in rows], np.float64)
        self._lon = np.array([row.lon for row in rows], np.float64)
        size = max((len(one) for one in vectors.values()), default=0)
        nothing = np.zeros(size, np.float32)
        self._vectors = np.array([vectors.get(row.file, nothing) for row in rows], np.float32)
        self._photos = [_placed(row, vectors) for row in rows]
        self._folder = [(row.folder or PurePosixPath(row.file).parent.as_posix()) for row in rows]
        self._dated = timeline.seconds(dated(self._photos))
        self._seconds = timeline.seconds(self._photos)
        self._scenes = np.zeros(len(rows), np.intp)
        number = 0
        for at in range(len(albums)):
            mine = np.flatnonzero(self._album == at)
            order = mine[np.argsort(self._seconds[mine], kind="stable")]
            self._scenes[order] = scenes_of(self._seconds[order]) + number
            number += len(order)

    def company(self, number: int, photos: Sequence[AlbumPhoto]) -> Company:
        """Return the photos of one owner's other albums that the photos of one may hear.

        ``photos`` are those of the album with some places hidden. The others are of the camera that
        theirs with places are of: nobody's clock is told from another's by the folder. The folder
        where the album lay is read as a whole, names and all (see `dated_names`); of the others
        what their clocks say.
        """
        first = int(np.flatnonzero(self._album == number)[0])
        same_owner = np.array([one == self._owner[first] for one in self._owner])
        same_folder = np.array([one == self._folder[first] for one in self._folder])
        by_clock = _near(self._seconds, timeline.seconds(photos))
        by_name = _near(self._dated, timeline.seconds(dated(photos)))
        near = np.where(same_folder, by_name, by_clock) & same_owner
        some = np.flatnonzero(near & (self._album != number))
        some = some[~self._copies(some, number)]
        camera = FIRST_CAMERA if any(one.camera == FIRST_CAMERA for one in photos) else ""
        streams = []
        for album in np.unique(self._album[some]).tolist():
            members = some[self._album[some] == album]
            heard = tuple(replace(self._photos[at], camera=camera) for at in members.tolist())
            streams.append(Stream(str(album), camera, True, False, heard))
        return together(photos, streams)

    def references(self, number: int, company: Company) -> References | None:
        """Return the photos of all other albums with an embedding but those heard as company."""
        heard = {one.key for one in company.photos}
        keep = np.array(
            [one.embedding is not None and one.key not in heard for one in self._photos], bool
        )
        some = np.flatnonzero(keep & (self._album != number))
        some = some[~self._copies(some, number)]
        if len(some) == 0:
            return None
        return References(
            names=tuple(self._photos[at].name for at in some.tolist()),
            embeddings=self._vectors[some],
            lat=self._lat[some],
            lon=self._lon[some],
            scenes=self._scenes[some],
            albums=self._album[some],
        )

    def _copies(self, some: NDArray[np.intp], number: int) -> NDArray[np.bool_]:
        """Return which of some photos are the same picture as one of an album: they tell it all."""
        mine = np.flatnonzero(self._album == number)
        if len(some) == 0 or len(mine) == 0:
            return np.zeros(len(some), bool)
        same = self._seconds[some][:, None] == self._seconds[mine]
        for place in (self._lat, self._lon):
            same &= np.abs(place[some][:, None] - place[mine]) <= _COPY_DEGREES
        if self._vectors.shape[1]:
            same |= self._vectors[some] @ self._vectors[mine].T >= _COPY_COSINE
        return np.asarray(same.any(axis=1), bool)


def _near(seconds: FloatArray, wanted: FloatArray) -> NDArray[np.bool_]:
    """Return which times (N,) are within `WINDOW_S` of some wanted ones (M,)."""
    wanted = np.sort(wanted[np.isfinite(wanted)])
    if len(wanted) == 0:
        return np.zeros(len(seconds), bool)
    times = np.nan_to_num(seconds, nan=np.inf)
    return np.asarray(np.abs(wanted[timeline.nearest(wanted, times)] - times) <= WINDOW_S, bool)


def _placed(row: KnownPhoto, vectors: Mapping[str, NDArray[np.float32]]) -> AlbumPhoto:
    return AlbumPhoto(
        key=row.file,
        name=row.name or PurePosixPath(row.file).name,
        when=row.when,
        zone_known=row.zone_known,
        anchor=Anchor(row.lat, row.lon, GPS_RADIUS_M, AnchorKind.GPS),
        embedding=vectors.get(row.file),
    )
