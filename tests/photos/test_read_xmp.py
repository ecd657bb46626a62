"""XMP is read in its usual forms and cannot do harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from geotagger.errors import UnreadableFileError
from geotagger.photos.xmp_read import MAX_XMP, XmpError, parse_xmp, read_sidecar
from tests.photos.making import xmp


def test_properties_as_attributes() -> None:
    packet = xmp('exif:GPSLatitude="52,31.2N" exif:GPSLongitude="13,24.3E" exif:ISO="100"')
    assert parse_xmp(packet) == {
        "exif:GPSLatitude": "52,31.2N",
        "exif:GPSLongitude": "13,24.3E",
    }


def test_properties_as_elements() -> None:
    packet = xmp(
        elements="<exif:GPSLatitude> 52,31.2N </exif:GPSLatitude>"
        "<photoshop:DateCreated>2019-05-03T14:15:23</photoshop:DateCreated>"
        "<exif:UserComment><rdf:Alt><rdf:li xml:lang='x-default'>Screenshot</rdf:li></rdf:Alt>"
        "</exif:UserComment>"
    )
    assert parse_xmp(packet) == {
        "exif:GPSLatitude": "52,31.2N",
        "photoshop:DateCreated": "2019-05-03T14:15:23",
        "exif:UserComment": "Screenshot",
    }


def test_another_prefix_for_the_same_namespace_counts() -> None:
    packet = xmp('e:GPSLatitude="1,2.0N"').replace(b"xmlns:exif", b"xmlns:e")
    assert parse_xmp(packet) == {"exif:GPSLatitude": "1,2.0N"}


def test_the_place_of_an_ingredient_is_not_that_of_the_photo() -> None:
    inner = '<rdf:Description exif:GPSLatitude="1,2.0N"><exif:GPSLongitude>3,4.0E'
    inner += "</exif:GPSLongitude></rdf:Description>"
    packet = xmp(
        elements=f"<xmpMM:Pantry><rdf:Bag><rdf:li>{inner}</rdf:li></rdf:Bag></xmpMM:Pantry>"
    )
    assert parse_xmp(packet) == {}


def test_padding_and_other_encodings_are_fine() -> None:
    packet = xmp('exif:GPSLatitude="1,2.0N"')
    assert parse_xmp(packet + b"\n" * 2000 + b"\0") == {"exif:GPSLatitude": "1,2.0N"}
    wide = packet.decode().replace("\ufeff", "").encode("utf-16")
    assert parse_xmp(wide) == {"exif:GPSLatitude": "1,2.0N"}


BOMB = b"""<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><x>&b;</x>"""
FETCH = b"""<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>"""


@pytest.mark.parametrize(
    "packet",
    [
        BOMB,
        FETCH,
        b"<!DOCTYPE x SYSTEM 'http://example.org/x.dtd'><x/>",
        b"",
        b"not xml",
        xmp('exif:GPSLatitude="1,2.0N"')[:-60],
        b"<a>" * 200,
        b"<?xml version='1.0' encoding='klingon'?><x/>",
    ],
)
def test_hostile_and_broken_xmp_is_refused(packet: bytes) -> None:
    with pytest.raises(XmpError):
        parse_xmp(packet)


def test_xmp_beyond_the_size_limit_is_refused() -> None:
    with pytest.raises(XmpError, match="larger than 16 MB"):
        parse_xmp(b" " * (MAX_XMP + 1))


def test_a_long_value_is_cut() -> None:
    packet = xmp(f'exif:UserComment="{"x" * 100_000}"')
    assert len(parse_xmp(packet)["exif:UserComment"]) == 1000


def test_a_broken_sidecar_names_itself_and_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"
    path.write_bytes(BOMB)
    with pytest.raises(UnreadableFileError) as caught:
        read_sidecar(path)
    assert caught.value.path == path
    assert caught.value.remedy
