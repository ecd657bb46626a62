"""Write GPS into XMP sidecars: create ``photo.ext.xmp``, or merge into the one that exists.

Merging replaces, adds and removes only the properties of the place and of its provenance; every
other byte of the file stays. XMP specification part 2, section 2.4 (exif namespace).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Literal

from geotagger import __version__
from geotagger.errors import WriteError, WriteRefusedError
from geotagger.photos import gps_write
from geotagger.photos.edits import Edit
from geotagger.photos.gps_write import GpsFix, GpsTag, Position
from geotagger.photos.record import Kind
from geotagger.photos.sniff import kind_of_name
from geotagger.photos.tag_changes import TagChange
from geotagger.photos.xmp_compare import Key, facts, property_texts
from geotagger.photos.xmp_numbers import format_angle, parse_angle, parse_rational
from geotagger.photos.xmp_places import (
    COPY,
    LOCATION,
    NAME_KEYS,
    OWN_NS,
    PHOTOSHOP_NS,
    are_foreign,
    copy_of,
    location_element,
    location_fields,
    wanted_texts,
)
from geotagger.photos.xmp_splice import (
    MAX_BYTES,
    RDF_NS,
    Layout,
    Property,
    XmpError,
    escape,
    layout,
)

EXIF_NS = "http://ns.adobe.com/exif/1.0/"
Naming = Literal["extension", "adobe"]

TOLERANCE_DEG = 2e-8
PROGRAM = "Photo Geotagger"
_PREFIXES = {EXIF_NS: "exif", OWN_NS: "pgt", PHOTOSHOP_NS: "photoshop"}
_XMP_NAMES = {
    GpsTag.ALTITUDE_REF: "GPSAltitudeRef",
    GpsTag.ALTITUDE: "GPSAltitude",
    GpsTag.SATELLITES: "GPSSatellites",
    GpsTag.STATUS: "GPSStatus",
    GpsTag.MEASURE_MODE: "GPSMeasureMode",
    GpsTag.DOP: "GPSDOP",
    GpsTag.SPEED_REF: "GPSSpeedRef",
    GpsTag.SPEED: "GPSSpeed",
    GpsTag.TRACK_REF: "GPSTrackRef",
    GpsTag.TRACK: "GPSTrack",
    GpsTag.DEST_BEARING_REF: "GPSDestBearingRef",
    GpsTag.DEST_BEARING: "GPSDestBearing",
    GpsTag.DEST_DISTANCE_REF: "GPSDestDistanceRef",
    GpsTag.DEST_DISTANCE: "GPSDestDistance",
    GpsTag.AREA: "GPSAreaInformation",
    GpsTag.DIFFERENTIAL: "GPSDifferential",
    GpsTag.TIME: "GPSTimeStamp",
}
_ALWAYS = (
    "GPSVersionID",
    "GPSLatitude",
    "GPSLongitude",
    "GPSLatitudeRef",
    "GPSLongitudeRef",
    "GPSMapDatum",
    "GPSProcessingMethod",
    "GPSHPositioningError",
)
"""Written or removed each time; the refs are no XMP properties, but sloppy programs write them."""
MANAGED: frozenset[Key] = frozenset(
    {(EXIF_NS, name) for name in (*_ALWAYS, *_XMP_NAMES.values())}
    | {(OWN_NS, "Provenance"), (OWN_NS, "Program"), COPY}
)
_MAX_SHOWN = 500
"""Characters of a text that a preview shows."""
_TEMPLATE = """<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="{rdf}">
  <rdf:Description rdf:about=""
    xmlns:exif="{exif}"/>
 </rdf:RDF>
</x:xmpmeta>
"""


def new_name(path: Path, naming: Naming = "extension") -> Path:
    """Return the name of a sidecar to be created: ``photo.ext.xmp``, or ``photo.xmp`` for Adobe."""
    if naming == "adobe" and kind_of_name(path.name) is Kind.RAW:
        return path.with_suffix(".xmp")
    return path.with_name(path.name + ".xmp")


def existing(path: Path, companions: Iterable[Path] = (), hint: Path | None = None) -> Path | None:
    """Return the sidecar that belongs to a file, the one with the whole name first.

    ``photo.xmp`` belongs to the RAW of a pair; Adobe's programs write into it whose it is, and that
    is believed before the names are. `hint` is the sidecar that the scan found, if any.
    """
    candidates = [path.with_name(path.name + suffix) for suffix in (".xmp", ".XMP")]
    if hint is not None and hint.name.casefold() == path.name.casefold() + ".xmp":
        candidates.append(hint)
    for candidate in candidates:
        if os.path.isfile(candidate):  # noqa: PTH113 - False for any error
            return candidate
    short = [path.with_suffix(suffix) for suffix in (".xmp", ".XMP")]
    if hint is not None and hint.stem.casefold() == path.stem.casefold():
        short.append(hint)
    others = [other for other in companions if other != path]
    for candidate in short:
        if os.path.isfile(candidate) and _belongs(candidate, path, others):  # noqa: PTH113
            return candidate
    return None


def _belongs(candidate: Path, path: Path, others: list[Path]) -> bool:
    extension = _adobe_extension(candidate)
    if extension:
        return extension.casefold() == path.suffix[1:].casefold()
    if kind_of_name(path.name) is Kind.RAW:
        return True
    return not any(kind_of_name(other.name) is Kind.RAW for other in others)


def _adobe_extension(candidate: Path) -> str:
    try:
        with candidate.open("rb") as source:
            return property_texts(_all(source)).get((PHOTOSHOP_NS, "SidecarForExtension"), "")
    except (OSError, XmpError):
        return ""


class Sidecar:
    """An XMP file as something that takes GPS, like the containers of `containers.registry`."""

    def read(self, source: BinaryIO, path: Path) -> Position | None:
        """Return the place in a sidecar; raise WriteRefusedError if it is damaged."""
        data = _all(source)
        if not data:
            return None
        try:
            return position_of(property_texts(data))
        except XmpError as error:
            raise _damaged(error, path) from error

    def edits(self, source: BinaryIO, path: Path, fix: GpsFix | None) -> list[Edit]:
        """Return the edits that write `fix` (None: clear GPS); an empty source is created."""
        data = _all(source)
        try:
            if not data:
                start = _TEMPLATE.format(rdf=RDF_NS, exif=EXIF_NS).encode()
                return [Edit(0, 0, _applied(start, _merge(start, fix)))] if fix else []
            return _merge(data, fix)
        except XmpError as error:
            raise _damaged(error, path) from error

    def check(self, old: BinaryIO, new: BinaryIO, path: Path, fix: GpsFix | None) -> None:
        """Raise WriteError unless `new` is `old` with exactly this place and nothing else."""
        before, after = _all(old), _all(new)
        try:
            ours = MANAGED if _has_foreign_names(before) else MANAGED | NAME_KEYS
            if before and facts(before, ours) != facts(after, ours):
                raise WriteError("Writing would have changed other properties.", path=path)
            texts = property_texts(after) if after else {}
            place = position_of(texts)
        except XmpError as error:
            raise WriteError(f"The new sidecar is damaged: {error}.", path=path) from error
        if not _agrees(place, fix):
            raise WriteError("The place read back is not the one that was written.", path=path)
        if fix and fix.place and ours is not MANAGED and texts.get(COPY) != copy_of(fix.place):
            raise WriteError("The place names read back are not those written.", path=path)

    def changes(self, source: BinaryIO, path: Path, fix: GpsFix | None) -> tuple[TagChange, ...]:
        """Return what `edits` does to each property of the place and of its provenance."""
        data = _all(source)
        try:
            new = _applied(data, self.edits(source, path, fix))
            before, after = (_shown(data), _shown(new))
        except XmpError as error:
            raise _damaged(error, path) from error
        return tuple(
            TagChange(name, before.get(name, ""), after.get(name, ""))
            for name in dict.fromkeys((*after, *before))
        )


def has_foreign_names(source: BinaryIO) -> bool:
    """Whether somebody else named the place in a sidecar; such names are left as they are.

    A damaged one has none.
    """
    try:
        return _has_foreign_names(_all(source))
    except XmpError:
        return False


def _has_foreign_names(data: bytes) -> bool:
    return bool(data) and are_foreign(property_texts(data), location_fields(data))


def _shown(data: bytes) -> dict[str, str]:
    """Return the properties of place and provenance as texts by their usual names."""
    if not data:
        return {}
    texts = property_texts(data)
    shown = {
        f"{_PREFIXES[key[0]]}:{key[1]}": _words(key[1], text)
        for key, text in texts.items()
        if key in MANAGED or key in NAME_KEYS or (key[0] == EXIF_NS and key[1].startswith("GPS"))
        if key[0] in _PREFIXES
    }
    fields = location_fields(data)
    if fields is not None:
        shown["Iptc4xmpExt:LocationCreated"] = ", ".join(fields.values()) or "(empty)"
    return shown


def _words(name: str, text: str) -> str:
    """Return a property's text, a fraction as the number that it means."""
    number = parse_rational(text) if "/" in text else None
    if number is None:
        text = text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"
        return text or "(empty)"
    return f"{number:.10g}" + (" m" if name in ("GPSAltitude", "GPSHPositioningError") else "")


def position_of(texts: dict[Key, str]) -> Position | None:
    """Return the place that properties tell, None if it is missing, incomplete or impossible."""
    lat = parse_angle(texts.get((EXIF_NS, "GPSLatitude"), ""), "NS", 90)
    lon = parse_angle(texts.get((EXIF_NS, "GPSLongitude"), ""), "EW", 180)
    if lat is None or lon is None or (lat == 0 and lon == 0):
        return None
    radius = parse_rational(texts.get((EXIF_NS, "GPSHPositioningError"), ""))
    altitude = parse_rational(texts.get((EXIF_NS, "GPSAltitude"), ""))
    if altitude is not None and texts.get((EXIF_NS, "GPSAltitudeRef"), "").strip() == "1":
        altitude = -altitude
    datum = texts.get((EXIF_NS, "GPSMapDatum"), "").upper()
    return Position(lat, lon, radius, altitude, not datum or "84" in datum)


def _agrees(place: Position | None, fix: GpsFix | None) -> bool:
    if fix is None:
        return place is None
    if place is None:
        return abs(fix.lat) <= TOLERANCE_DEG and abs(fix.lon) <= TOLERANCE_DEG
    return abs(place.lat - fix.lat) <= TOLERANCE_DEG and abs(place.lon - fix.lon) <= TOLERANCE_DEG


def _wanted(old: Position | None, fix: GpsFix | None) -> dict[Key, str | None]:
    """Return each property's new text; None removes it, what is not named stays."""
    if fix is None:
        return dict.fromkeys(MANAGED)
    stale = gps_write.stale_tags(old, fix)
    wanted: dict[Key, str | None] = {
        (EXIF_NS, name): None for tag, name in _XMP_NAMES.items() if tag in stale
    }
    wanted[EXIF_NS, "GPSLatitudeRef"] = wanted[EXIF_NS, "GPSLongitudeRef"] = None
    wanted[EXIF_NS, "GPSVersionID"] = "2.3.0.0"
    if not gps_write.same_place(old, fix):
        wanted[EXIF_NS, "GPSLatitude"] = format_angle(fix.lat, "NS")
        wanted[EXIF_NS, "GPSLongitude"] = format_angle(fix.lon, "EW")
    if fix.altitude_m is not None:
        wanted[EXIF_NS, "GPSAltitude"] = f"{round(abs(fix.altitude_m) * 100)}/100"
        wanted[EXIF_NS, "GPSAltitudeRef"] = "1" if fix.altitude_m < 0 else "0"
    wanted[EXIF_NS, "GPSMapDatum"] = "WGS-84"
    wanted[EXIF_NS, "GPSProcessingMethod"] = fix.method
    radius = None if fix.radius_m is None else f"{round(fix.radius_m * 100)}/100"
    wanted[EXIF_NS, "GPSHPositioningError"] = radius
    wanted[OWN_NS, "Provenance"] = fix.provenance or None
    wanted[OWN_NS, "Program"] = f"{PROGRAM} {__version__}"
    return wanted


def _wanted_names(data: bytes, old: Position | None, fix: GpsFix | None) -> dict[Key, str | None]:
    """Return the new texts of the names of the place; LocationCreated is there as XML."""
    if _has_foreign_names(data):
        return {COPY: None}
    if fix is not None and fix.place is not None:
        element = location_element(fix.place).decode()
        return {**wanted_texts(fix.place), LOCATION: element}
    if fix is not None and not gps_write.stale_tags(old, fix):
        return {}
    return {**wanted_texts(None), LOCATION: None}


def _merge(data: bytes, fix: GpsFix | None) -> list[Edit]:
    found = layout(data)
    old = position_of(property_texts(data))
    wanted = {**_wanted(old, fix), **_wanted_names(data, old, fix)}
    edits: list[Edit] = []
    for item in found.properties:
        key = item.namespace, item.name
        if key not in wanted:
            continue
        text = wanted[key]
        if key == LOCATION and text is not None and not item.is_attribute:
            edits.append(Edit(item.start, item.end, text.encode()))
        elif text is None or item.value_start < 0 or key == LOCATION:
            edits.append(_removal(data, item))
            continue
        else:
            edits.append(Edit(item.value_start, item.value_end, escape(text)))
        # Another occurrence of the same property would contradict this one.
        wanted[key] = None
    missing = {key: text for key, text in wanted.items() if text is not None}
    child = missing.pop(LOCATION, "").encode()
    if missing or child:
        edits.extend(_additions(found, missing, b"\n   " + child if child else b""))
    return sorted(edits, key=lambda edit: (edit.start, edit.end))


def _removal(data: bytes, item: Property) -> Edit:
    start = item.start
    if not item.is_attribute:
        while start > 0 and data[start - 1 : start] in (b" ", b"\t"):
            start -= 1
        for newline in (b"\r\n", b"\n"):
            if data.endswith(newline, 0, start):
                start -= len(newline)
                break
        else:
            start = item.start
    return Edit(start, item.end, b"")


def _additions(found: Layout, missing: dict[Key, str], child: bytes) -> list[Edit]:
    """Return the edits that add attributes and a child to the first description."""
    if found.descriptions:
        description = found.descriptions[0]
        text = _attributes(missing, dict(description.prefixes), description.separator)
        edits = [Edit(description.insert_at, description.insert_at, text)] if text else []
        if child and description.is_empty:
            end = description.tag_end
            closed = b">" + child + b"\n  </" + description.name + b">"
            edits.append(Edit(end - 2, end, closed))
        elif child:
            edits.append(Edit(description.tag_end, description.tag_end, child))
        return edits
    prefix = found.rdf_name[:-3]
    text = _attributes(missing, dict(found.rdf_prefixes), b"\n    ")
    element = b"\n  <" + prefix + b"Description " + prefix + b'about=""' + text
    element += b">" + child + b"\n  </" + prefix + b"Description>" if child else b"/>"
    if found.rdf_is_empty:
        end_tag = b">" + element + b"\n </" + found.rdf_name + b">"
        return [Edit(found.rdf_tag_end - 2, found.rdf_tag_end, end_tag)]
    return [Edit(found.rdf_tag_end, found.rdf_tag_end, element)]


def _attributes(missing: dict[Key, str], prefixes: dict[str, str], separator: bytes) -> bytes:
    """Return attributes with the prefixes in scope, declared where they are not."""
    text = b""
    chosen: dict[str, str] = {}
    for namespace in dict.fromkeys(key[0] for key in missing):
        bound = next((p for p, uri in prefixes.items() if p and uri == namespace), None)
        if bound is None:
            bound = _PREFIXES[namespace]
            while bound in prefixes:
                bound += "_"
            prefixes[bound] = namespace
            text += separator + b"xmlns:" + bound.encode() + b'="' + escape(namespace) + b'"'
        chosen[namespace] = bound
    for (namespace, name), value in missing.items():
        text += separator + f"{chosen[namespace]}:{name}".encode() + b'="' + escape(value) + b'"'
    return text


def _applied(data: bytes, edits: list[Edit]) -> bytes:
    for edit in reversed(edits):
        data = data[: edit.start] + edit.data + data[edit.end :]
    return data


def _all(source: BinaryIO) -> bytes:
    source.seek(0)
    return source.read(MAX_BYTES + 1)


def _damaged(error: XmpError, path: Path) -> WriteRefusedError:
    return WriteRefusedError(
        f"The sidecar cannot be changed: {error}.",
        path=path,
        remedy="Repair it or move it away, then write again.",
    )
