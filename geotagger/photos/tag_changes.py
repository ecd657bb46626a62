"""What a write does to each tag of a place, in readable words, for the write preview.

The values after the write come from the same `gps_write.merge` and the same edits that the writers
use, so that a preview cannot promise what is not written.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from geotagger.photos.gps_write import ASCII_CHARSET, GpsFix, GpsTag, merge
from geotagger.photos.tiff_tags import Value

_NAMES = {
    GpsTag.VERSION: "GPSVersionID",
    GpsTag.LAT_REF: "GPSLatitudeRef",
    GpsTag.LAT: "GPSLatitude",
    GpsTag.LON_REF: "GPSLongitudeRef",
    GpsTag.LON: "GPSLongitude",
    GpsTag.ALTITUDE_REF: "GPSAltitudeRef",
    GpsTag.ALTITUDE: "GPSAltitude",
    GpsTag.TIME: "GPSTimeStamp",
    GpsTag.SATELLITES: "GPSSatellites",
    GpsTag.STATUS: "GPSStatus",
    GpsTag.MEASURE_MODE: "GPSMeasureMode",
    GpsTag.DOP: "GPSDOP",
    GpsTag.SPEED_REF: "GPSSpeedRef",
    GpsTag.SPEED: "GPSSpeed",
    GpsTag.TRACK_REF: "GPSTrackRef",
    GpsTag.TRACK: "GPSTrack",
    GpsTag.IMG_DIRECTION_REF: "GPSImgDirectionRef",
    GpsTag.IMG_DIRECTION: "GPSImgDirection",
    GpsTag.MAP_DATUM: "GPSMapDatum",
    GpsTag.DEST_LAT_REF: "GPSDestLatitudeRef",
    GpsTag.DEST_LAT: "GPSDestLatitude",
    GpsTag.DEST_LON_REF: "GPSDestLongitudeRef",
    GpsTag.DEST_LON: "GPSDestLongitude",
    GpsTag.DEST_BEARING_REF: "GPSDestBearingRef",
    GpsTag.DEST_BEARING: "GPSDestBearing",
    GpsTag.DEST_DISTANCE_REF: "GPSDestDistanceRef",
    GpsTag.DEST_DISTANCE: "GPSDestDistance",
    GpsTag.METHOD: "GPSProcessingMethod",
    GpsTag.AREA: "GPSAreaInformation",
    GpsTag.DATE: "GPSDateStamp",
    GpsTag.DIFFERENTIAL: "GPSDifferential",
    GpsTag.ERROR: "GPSHPositioningError",
}
_ANGLES = {GpsTag.LAT, GpsTag.LON, GpsTag.DEST_LAT, GpsTag.DEST_LON}
_METRES = {GpsTag.ALTITUDE, GpsTag.ERROR}
_SEA_LEVEL = {b"\0": "above sea level", b"\1": "below sea level"}
_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}
_MOST_TEXT = 200


@dataclass(frozen=True, slots=True)
class TagChange:
    """One tag before and after a write, "" where it is not there.

    ``tag`` is the name as the Exif specification writes it, with its prefix for XMP.
    """

    tag: str
    before: str
    after: str

    @property
    def what(self) -> str:
        """What happens to it: "added", "changed", "removed" or "kept"."""
        if self.before == self.after:
            return "kept"
        if not self.before:
            return "added"
        return "changed" if self.after else "removed"


def exif_changes(
    existing: Mapping[int, Value], order: str, fix: GpsFix | None
) -> tuple[TagChange, ...]:
    """Return every tag of a GPS directory before and after writing `fix` (None: clearing it)."""
    after = {} if fix is None else merge(existing, fix, order)
    old, new = exif_words(existing, order), exif_words(after, order)
    return tuple(
        TagChange(name, old.get(name, ""), new.get(name, ""))
        for name in (tag_name(tag) for tag in sorted({*existing, *after}))
    )


def exif_words(values: Mapping[int, Value], order: str) -> dict[str, str]:
    """Return the values of a GPS directory in words by the names of their tags."""
    return {tag_name(tag): _words(tag, values[tag], order) for tag in sorted(values)}


def tag_name(tag: int) -> str:
    """Return a GPS tag's name, or its number where the specification has none."""
    try:
        return _NAMES[GpsTag(tag)]
    except ValueError:
        return f"GPS tag 0x{tag:04X}"


def _words(tag: int, value: Value, order: str) -> str:
    data = value.data
    if tag == GpsTag.VERSION and value.type == 1:
        return ".".join(str(byte) for byte in data)
    if tag == GpsTag.ALTITUDE_REF and data in _SEA_LEVEL:
        return _SEA_LEVEL[data]
    if value.type == 2:
        return _text(data) or "(empty)"
    if tag in (GpsTag.METHOD, GpsTag.AREA) and data.startswith(ASCII_CHARSET):
        return _text(data[len(ASCII_CHARSET) :]) or "(empty)"
    if value.type in (5, 10):
        return _rationals(tag, value, order)
    form = _INTEGERS.get(value.type)
    if form is not None and value.count <= 16:
        return " ".join(
            str(number) for number in struct.unpack(f"{order}{value.count}{form}", data)
        )
    return f"{len(data):,} bytes"


def _text(data: bytes) -> str:
    text = data.rstrip(b"\0 ").decode("utf-8", "backslashreplace")
    return text if len(text) <= _MOST_TEXT else text[: _MOST_TEXT - 1] + "…"


def _rationals(tag: int, value: Value, order: str) -> str:
    if value.count > 16:
        return f"{len(value.data):,} bytes"
    letter = "I" if value.type == 5 else "i"
    parts = struct.unpack(f"{order}{2 * value.count}{letter}", value.data)
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    if any(below == 0 for _, below in pairs):
        return " ".join(f"{above}/{below}" for above, below in pairs)
    numbers = [above / below for above, below in pairs]
    if len(numbers) == 3 and tag in _ANGLES:
        return f"{numbers[0]:g}° {numbers[1]:.8g}′ {numbers[2]:.8g}″"
    if len(numbers) == 3 and tag == GpsTag.TIME:
        return ":".join(f"{number:05.2f}".removesuffix(".00") for number in numbers)
    text = " ".join(f"{number:.10g}" for number in numbers)
    return f"{text} m" if tag in _METRES and value.count == 1 else text
