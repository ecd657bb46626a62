"""What an XMP packet or sidecar says about place and time, read without trusting it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from xml.parsers import expat

from geotagger.errors import UnreadableFileError
from geotagger.photos.gps_read import degrees_of, incomplete, is_null_island
from geotagger.photos.opening import explain_os_error, open_regular
from geotagger.photos.record import Gps, GpsState
from geotagger.photos.xmp_bounds import has_too_many_parts

MAX_XMP = 16 << 20
"""The largest packet or sidecar that is read, in bytes."""
_MAX_DEPTH = 100
_MAX_VALUE = 1000

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_EXIF = "http://ns.adobe.com/exif/1.0/"
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
_DC = "http://purl.org/dc/elements/1.1/"
_IPTC_CORE = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"

LATITUDE = "exif:GPSLatitude"
LONGITUDE = "exif:GPSLongitude"
ALTITUDE = "exif:GPSAltitude"
ALTITUDE_REF = "exif:GPSAltitudeRef"
ERROR = "exif:GPSHPositioningError"
DATE_TIME_ORIGINAL = "exif:DateTimeOriginal"
DATE_CREATED = "photoshop:DateCreated"
USER_COMMENT = "exif:UserComment"
TITLE, DESCRIPTION, SUBJECT = "dc:title", "dc:description", "dc:subject"
HEADLINE, CITY = "photoshop:Headline", "photoshop:City"
STATE, COUNTRY = "photoshop:State", "photoshop:Country"
LOCATION = "Iptc4xmpCore:Location"

_WANTED = {
    **{
        f"{_EXIF} {name.removeprefix('exif:')}": name
        for name in (
            LATITUDE,
            LONGITUDE,
            ALTITUDE,
            ALTITUDE_REF,
            ERROR,
            DATE_TIME_ORIGINAL,
            USER_COMMENT,
        )
    },
    f"{_PHOTOSHOP} DateCreated": DATE_CREATED,
    **{f"{_DC} {name.removeprefix('dc:')}": name for name in (TITLE, DESCRIPTION, SUBJECT)},
    **{
        f"{_PHOTOSHOP} {name.removeprefix('photoshop:')}": name
        for name in (HEADLINE, CITY, STATE, COUNTRY)
    },
    f"{_IPTC_CORE} Location": LOCATION,
}

# "49,45.1885N" and "49,45,11.3N" by the specification; "49.7531N" is seen and not ambiguous.
_COORDINATE = re.compile(
    r"(\d{1,3}(?:\.\d+)?)(?:,(\d{1,2}(?:\.\d+)?))?(?:,(\d{1,2}(?:\.\d+)?))?([NSEW])", re.IGNORECASE
)
_FRACTION = re.compile(r"(-?\d{1,15}(?:\.\d{1,15})?)(?:/(-?\d{1,15}))?")


class XmpError(ValueError):
    """The XMP is not well formed, too large, or tries what no XMP needs."""


def parse_xmp(data: bytes) -> dict[str, str]:
    """Return the properties of place, time and words, by names such as "exif:GPSLatitude".

    The items of a list, and a text in several languages, are lines of one value.

    Only direct properties of the outermost rdf:Description count, as attribute or as element; what
    stands deeper is about other pictures (ingredients, history). Document types and entities are
    refused, so nothing expands and nothing is fetched. XMP specification part 1, chapter 7.

    Raises
    ------
    XmpError
        If it cannot be read; nothing of it is used then.
    """
    if len(data) > MAX_XMP:
        raise XmpError(f"it is larger than {MAX_XMP >> 20} MB")
    if has_too_many_parts(data):
        raise XmpError("it has more parts than any real one")
    collector = _Collector()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = collector.start
    parser.EndElementHandler = collector.end
    parser.CharacterDataHandler = collector.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    try:
        # Padding behind the packet; in UTF-16 it cannot be cut off byte by byte.
        wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        parser.Parse(data if wide else data.strip(b"\0 \r\n\t"), True)
    except (expat.ExpatError, ValueError, LookupError, RecursionError) as error:
        raise XmpError(str(error)) from error
    return {name: value.strip() for name, value in collector.found.items()}


def read_sidecar(path: Path) -> dict[str, str]:
    """Return the properties of a sidecar file; see `parse_xmp`.

    Raises
    ------
    UnreadableFileError
        If it cannot be opened or is no readable XMP.
    """
    try:
        with open_regular(path) as stream:
            data = stream.read(MAX_XMP + 1)
    except OSError as error:
        raise explain_os_error(error, path) from error
    try:
        return parse_xmp(data)
    except XmpError as error:
        raise UnreadableFileError(
            f"The sidecar cannot be read: {error}.",
            path=path,
            remedy="Repair or remove it; the photo itself is not affected.",
        ) from error


def gps_of_xmp(xmp: Mapping[str, str]) -> tuple[Gps, list[str]]:
    """Return the place in XMP properties and what is odd about it, in words."""
    if LATITUDE not in xmp and LONGITUDE not in xmp:
        return Gps(), []
    lat = parse_coordinate(xmp.get(LATITUDE, ""), "NS", 90.0)
    lon = parse_coordinate(xmp.get(LONGITUDE, ""), "EW", 180.0)
    if lat is None or lon is None:
        name = "latitude" if lat is None else "longitude"
        return incomplete("xmp"), [f"GPS in XMP is incomplete: {name} is missing or impossible."]
    if is_null_island(lat, lon):
        return incomplete("xmp"), ["GPS in XMP is incomplete: it says 0, 0."]
    altitude = _number(xmp.get(ALTITUDE, ""))
    if altitude is not None and xmp.get(ALTITUDE_REF, "0").strip() == "1":
        altitude = -abs(altitude)
    error = _number(xmp.get(ERROR, ""))
    error = error if error is not None and error > 0 else None
    return Gps(GpsState.COMPLETE, lat, lon, altitude, error, "xmp"), []


def parse_coordinate(text: str, letters: str, limit: float) -> float | None:
    """Return an XMP coordinate in signed degrees, None if it is impossible or has no hemisphere."""
    match = _COORDINATE.fullmatch(text.strip().replace(" ", ""))
    if match is None or match[4].upper() not in letters:
        return None
    value = degrees_of([float(part or 0) for part in match.groups()[:3]], limit)
    if value is None:
        return None
    return -value if match[4].upper() in "SW" else value


def _number(text: str) -> float | None:
    """Return a number written plainly or as a fraction."""
    match = _FRACTION.fullmatch(text.strip())
    if match is None:
        return None
    divisor = float(match[2] or 1)
    value = float(match[1]) / divisor if divisor else math.nan
    return value if math.isfinite(value) else None


def _refuse(*_: object) -> int:
    raise XmpError("it has a document type or entities, which XMP does not have")


class _Collector:
    """Gathers the wanted properties while expat walks through the packet."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._path: list[str] = []
        self._property: str | None = None
        self._property_depth = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._path) >= _MAX_DEPTH:
            raise XmpError("it is nested too deeply")
        if self._in_description():
            self._property = _WANTED.get(name)
            self._property_depth = len(self._path) + 1
            if self._property is not None:
                # rdf:value and parseType are not used for these properties.
                self.found.setdefault(self._property, "")
        self._path.append(name)
        if self._in_description():
            for key, value in attributes.items():
                if key in _WANTED:
                    self.found[_WANTED[key]] = value[:_MAX_VALUE]

    def end(self, name: str) -> None:
        if self._property is not None and name == f"{_RDF} li":
            self.text("\n")
        if len(self._path) == self._property_depth:
            self._property = None
        self._path.pop()

    def text(self, text: str) -> None:
        if self._property is not None:
            known = self.found[self._property]
            self.found[self._property] = (known + text)[:_MAX_VALUE]

    def _in_description(self) -> bool:
        path = self._path
        if len(path) < 2 or path[-1] != f"{_RDF} Description" or path[-2] != f"{_RDF} RDF":
            return False
        return path.count(f"{_RDF} RDF") == 1
