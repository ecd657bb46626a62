"""What hiding the GPS of one's own library found, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from geotagger.evaluation.completion_result import MethodResult
from geotagger.evaluation.hidings import Way
from geotagger.evaluation.reliability import ReliabilityBin, reliability

OURS = "ours"


@dataclass(frozen=True, slots=True)
class AlbumScore:
    """One album: how many photos with GPS it has, and the methods on those that were hidden."""

    title: str
    photos: int
    methods: Mapping[str, MethodResult]


@dataclass(frozen=True, slots=True)
class LibraryScore:
    """The albums of a library, and all their hidden photos together.

    ``hide`` is the share that was hidden in the way ``how``, ``seeds`` times with other photos;
    ``left_out`` counts albums in which nothing can be hidden, since fewer than two photos have GPS
    or all are of one day; ``embedded`` the photos with GPS whose looks are known.
    """

    albums: tuple[AlbumScore, ...]
    pooled: Mapping[str, MethodResult]
    how: Way
    hide: float
    seeds: int
    left_out: int
    embedded: int
    model: str

    @property
    def photos(self) -> int:
        """Photos with GPS of their own in the albums that were used."""
        return sum(album.photos for album in self.albums)

    @property
    def hidden(self) -> int:
        """How often a photo was hidden and looked for."""
        return len(self.ours.error_m)

    @property
    def ours(self) -> MethodResult:
        """What this program made of all hidden photos."""
        return self.pooled[OURS]

    @property
    def reliability(self) -> list[ReliabilityBin]:
        """What was promised, beside what held, from the least sure suggestions to the surest."""
        return reliability(self.ours)

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return {
            "how": self.how.value,
            "hide": self.hide,
            "seeds": self.seeds,
            "photos": self.photos,
            "hidden": self.hidden,
            "left_out": self.left_out,
            "embedded": self.embedded,
            "model": self.model,
            "methods": {name: one.to_json() for name, one in self.pooled.items()},
            "reliability": [
                {"stated": round(one.stated, 4), "held": round(one.held, 4), "count": one.count}
                for one in self.reliability
            ],
            "albums": [
                {
                    "title": album.title,
                    "photos": album.photos,
                    "hidden": len(album.methods[OURS].error_m),
                    "methods": {name: one.to_json() for name, one in album.methods.items()},
                }
                for album in self.albums
            ],
        }
