"""Places that a person used before: favourites that were kept, and those decided of late."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from geotagger.earth.distance import haversine_m
from geotagger.library.catalog import Catalog

_SETTING = "favourite_places"
_SAME_M = 100.0
"""Places with one name that lie closer together than this are one."""
_MOST_FAVOURITES = 200
_LOOKED_AT = 500


@dataclass(frozen=True, slots=True)
class UsedPlace:
    """A place in words, with its degrees."""

    label: str
    lat: float
    lon: float
    favourite: bool = False

    def is_near(self, other: UsedPlace) -> bool:
        """Whether both are one place to a person."""
        away = float(haversine_m(self.lat, self.lon, other.lat, other.lon))
        return self.label == other.label and away < _SAME_M


def favourites(catalog: Catalog) -> list[UsedPlace]:
    """Return the favourites by name; what is damaged is left out."""
    stored = catalog.setting(_SETTING, [])
    found = [_read(one) for one in stored] if isinstance(stored, list) else []
    places = [one for one in found if one is not None]
    return sorted(places, key=lambda one: one.label.casefold())


def keep_favourite(catalog: Catalog, place: UsedPlace, *, keep: bool) -> None:
    """Make a place a favourite, or none any more.

    Raises
    ------
    CatalogError
        The catalog cannot be written.
    """
    others = [one for one in favourites(catalog) if not one.is_near(place)]
    kept = [*others, place][-_MOST_FAVOURITES:] if keep else others
    catalog.set_setting(_SETTING, [[one.label, one.lat, one.lon] for one in kept])


def recent_places(catalog: Catalog, most: int = 20) -> list[UsedPlace]:
    """Return the places that photos were put to of late, the last one first, each once."""
    with catalog.reading() as connection:
        rows = connection.execute(
            """SELECT place, lat, lon FROM decisions WHERE kind IN ('accepted', 'moved')
               AND place != '' ORDER BY decided_at DESC LIMIT ?""",
            (_LOOKED_AT,),
        ).fetchall()
    return _each_once((UsedPlace(*row) for row in rows), most)


def used_places(catalog: Catalog) -> list[UsedPlace]:
    """Return the favourites, then the places of late that are none."""
    kept = favourites(catalog)
    late = [one for one in recent_places(catalog) if not any(one.is_near(two) for two in kept)]
    return kept + late


def _each_once(places: Iterable[UsedPlace], most: int) -> list[UsedPlace]:
    found: list[UsedPlace] = []
    for place in places:
        if len(found) == most:
            break
        # Under one name the last use is the one that is meant: a village has many corners.
        if all(place.label != one.label for one in found):
            found.append(place)
    return found


def _read(stored: Any) -> UsedPlace | None:
    match stored:
        case [str(label), float(lat) | int(lat), float(lon) | int(lon)]:
            if label and -90 <= lat <= 90 and -180 <= lon <= 180:
                return UsedPlace(label, float(lat), float(lon), favourite=True)
    return None
