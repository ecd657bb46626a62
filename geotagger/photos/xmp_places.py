"""Names of the place in XMP: photoshop:City, State and Country, and IPTC's LocationCreated.

The four are one unit. Names that the user or another program wrote are never replaced, and nothing
is added beside them that could contradict them. Ours are known by a copy that stands in our own
namespace. IPTC Photo Metadata Standard, "Location Created"; XMP specification part 2, section 3.2.
"""

from __future__ import annotations

from xml.parsers import expat

from geotagger.photos.gps_write import PlaceName
from geotagger.photos.xmp_compare import Key
from geotagger.photos.xmp_splice import RDF_NS, XmpError, escape

PHOTOSHOP_NS = "http://ns.adobe.com/photoshop/1.0/"
IPTC_EXT_NS = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
OWN_NS = "https://photo-geotagger.invalid/ns/1.0/"
"""Our own namespace. The name only identifies, it leads nowhere."""

LOCATION: Key = (IPTC_EXT_NS, "LocationCreated")
COPY: Key = (OWN_NS, "PlaceNames")
TEXTS: tuple[Key, ...] = (
    (PHOTOSHOP_NS, "City"),
    (PHOTOSHOP_NS, "State"),
    (PHOTOSHOP_NS, "Country"),
)
NAME_KEYS: frozenset[Key] = frozenset({LOCATION, COPY, *TEXTS})
_FIELDS = ("City", "ProvinceState", "CountryName", "CountryCode")
_SEPARATOR = " | "


def copy_of(place: PlaceName) -> str:
    """Return the names as the copy in our namespace holds them."""
    parts = (place.city, place.region, place.country, place.country_code)
    return _SEPARATOR.join(part.replace("|", "/") for part in parts)


def are_foreign(texts: dict[Key, str], fields: dict[str, str] | None) -> bool:
    """Whether any place name stands there that is not what we wrote.

    `fields` are those of LocationCreated, None if it is absent.
    """
    found = [texts[key] for key in TEXTS if key in texts]
    if not found and fields is None:
        return False
    ours = texts.get(COPY, "").split(_SEPARATOR)
    if len(ours) != len(_FIELDS):
        return True
    if any(texts.get(key, own) != own for key, own in zip(TEXTS, ours, strict=False)):
        return True
    wanted = {name: own for name, own in zip(_FIELDS, ours, strict=True) if own}
    return fields is not None and fields != wanted


def wanted_texts(place: PlaceName | None) -> dict[Key, str | None]:
    """Return the plain properties to write for a place; None removes one."""
    if place is None:
        return dict.fromkeys((*TEXTS, COPY))
    names = [part.replace("|", "/") or None for part in (place.city, place.region, place.country)]
    return {**dict(zip(TEXTS, names, strict=True)), COPY: copy_of(place)}


def location_element(place: PlaceName) -> bytes:
    """Return LocationCreated as an element that declares the namespaces it needs."""
    values = copy_of(place).split(_SEPARATOR)
    fields = b"".join(
        f"\n      <Iptc4xmpExt:{name}>".encode() + escape(value) + f"</Iptc4xmpExt:{name}>".encode()
        for name, value in zip(_FIELDS, values, strict=True)
        if value
    )
    return (
        b'<Iptc4xmpExt:LocationCreated xmlns:Iptc4xmpExt="%s"\n    xmlns:rdf="%s">'
        b'\n    <rdf:Bag>\n     <rdf:li rdf:parseType="Resource">%s'
        b"\n     </rdf:li>\n    </rdf:Bag>\n   </Iptc4xmpExt:LocationCreated>"
    ) % (IPTC_EXT_NS.encode(), RDF_NS.encode(), fields)


def location_fields(data: bytes) -> dict[str, str] | None:
    """Return the fields of LocationCreated by name, None if there is none.

    Several places, or anything that is not a plain field of the IPTC's, give fields that equal
    none of ours.
    """
    reader = _Fields()
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise XmpError(f"it is damaged ({error})") from error
    return reader.fields


class _Fields:
    def __init__(self) -> None:
        self.fields: dict[str, str] | None = None
        self._inside = 0
        self._open: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._inside or name == " ".join(LOCATION):
            self._inside += 1
            if self.fields is None:
                self.fields = {}
            for key, value in attributes.items():
                if not key.startswith(RDF_NS):
                    self._add(key, value)
        self._open.append(name)

    def end(self, _: str) -> None:
        self._inside -= self._inside > 0
        self._open.pop()

    def text(self, text: str) -> None:
        if self._inside and text.strip():
            self._add(self._open[-1], text)

    def _add(self, name: str, value: str) -> None:
        assert self.fields is not None
        namespace, _, local = name.rpartition(" ")
        key = local if namespace == IPTC_EXT_NS else name
        self.fields[key] = self.fields.get(key, "") + value
