"""Sun-lit against dark: what the brightness of photos says about a camera's clock.

A picture that is dark was hardly taken under a high sun, and a bright one seldom at solar midnight.
Cameras expose until most pictures are of middling brightness, and people light rooms at night, so
one photo tells little; a stream of them speaks against offsets that turn its day into night. So
does that a photo was taken at all: people photograph seldom at night.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from geotagger.earth.distance import wrap_lon
from geotagger.earth.sun import elevation_deg
from geotagger.earth.zone_map import shared
from geotagger.suggest.types import AlbumPhoto

FloatArray = NDArray[np.float64]

WEIGHT = 0.5
"""Photos of one outing are lit alike and taken at like hours: they count less than one by one."""

_LIT, _DARK = (0.465, 0.085), (0.34, 0.12)
"""Mean and spread of a picture's mean luminance by day and by night, sRGB values from 0 to 1: 930
photos with the sun up, 122 with it 6 degrees or more below the horizon, of 32 real albums."""

_INDOORS = 0.1
"""Share of photos by day that are as dark as at night."""

_AT_NIGHT = 122.0 / 930.0
"""Photos taken at night for one by day, in the same albums."""

_TWILIGHT_DEG = 6.0
_SCENE_S = 1_800.0
"""Photos within half an hour are of one light."""

_WIDEST_DEG = 20.0
"""An album whose anchors lie further apart has no one sun."""


class Sky:
    """The sky over an album: where its anchors are, and what its axis of time is."""

    def __init__(self, lat: float, lon: float, ahead_s: float) -> None:
        self.lat, self.lon = lat, lon
        self.ahead_s = ahead_s
        """What the axis of time is ahead of UTC, in seconds."""

    @classmethod
    def over(cls, photos: Sequence[AlbumPhoto], rows: Iterable[int]) -> Sky | None:
        """Return the sky over the anchors of an album that are among its photos of some rows.

        None without any, or if they are far apart. The axis of time is that of
        `timeline.seconds`: UTC if any photo's zone is known, else the wall clock of the place.
        """
        some = [photos[row] for row in rows]
        known = [one for one in some if one.anchor is not None and one.when is not None]
        places = np.array([(one.anchor.lat, one.anchor.lon) for one in known if one.anchor])
        if len(places) == 0 or not np.isfinite(places).all() or np.abs(places[:, 0]).max() > 90.0:
            return None
        lat = np.median(places[:, 0])
        across = wrap_lon(places[:, 1] - places[0, 1])
        lon = places[0, 1] + np.median(across)
        if max(np.ptp(across) / 2.0, np.abs(places[:, 0] - lat).max()) > _WIDEST_DEG:
            return None
        if any(one.zone_known and one.when is not None for one in photos):
            return cls(float(lat), float(lon), 0.0)
        when = known[0].when
        assert when is not None
        return cls(float(lat), float(lon), _ahead(float(lat), float(wrap_lon(lon)), when))

    def log_score(
        self, offsets: FloatArray, seconds: FloatArray, brightness: FloatArray
    ) -> FloatArray:
        """Return how well photos at times (N,) fit the light if an offset (K,) is added to them.

        ``brightness`` (N,) is the mean luminance of each picture, NaN where it is not known. The
        log-likelihoods (K,) are weighted by `WEIGHT`.
        """
        known = np.isfinite(brightness)
        light = brightness[known]
        count = _in_scene(seconds)
        share = 1.0 / np.sqrt(_in_scene(seconds[known]))
        lit, dark = _density(light, *_LIT), _density(light, *_DARK)
        by_day = (1.0 - _INDOORS) * lit + _INDOORS * dark
        out = np.empty(len(offsets))
        for number, offset in enumerate(offsets):
            height = elevation_deg(seconds + offset - self.ahead_s, self.lat, self.lon)
            night = np.clip(-height / _TWILIGHT_DEG, 0.0, 1.0)
            hours = np.log(1.0 - night + night * _AT_NIGHT) / count
            night = night[known]
            looks = np.log(night * dark + (1.0 - night) * by_day) * share
            out[number] = WEIGHT * (looks.sum() + hours.sum())
        return out


def _in_scene(seconds: FloatArray) -> FloatArray:
    """Return how many of the photos are of each one's scene (N,)."""
    _, scene, count = np.unique(
        np.floor(seconds / _SCENE_S), return_inverse=True, return_counts=True
    )
    return np.asarray(count[scene], np.float64)


def _density(light: FloatArray, mean: float, spread: float) -> FloatArray:
    return np.asarray(np.exp(-0.5 * ((light - mean) / spread) ** 2) / spread, np.float64)


def _ahead(lat: float, lon: float, when: datetime) -> float:
    """Return what clocks at a place are ahead of UTC; at sea, what the sun says."""
    zones = shared()
    zone = int(zones.zones_at(np.array([lat]), np.array([lon]))[0])
    if zone < 0:
        return lon / 15.0 * 3600.0
    month = datetime(when.year, when.month, 1)
    return float(np.atleast_1d(zones.offsets_around(month)[zone])[0])
