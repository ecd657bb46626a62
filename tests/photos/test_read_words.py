"""Captions, keywords and place names that photos carry."""

from __future__ import annotations

import io
from pathlib import Path

import piexif
import pytest
from PIL import Image

from geotagger.photos.metadata import read_photo
from geotagger.photos.words import MOST_CHARACTERS, MOST_KEYWORDS, iptc_of_photoshop, iptc_texts

XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
 xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
 photoshop:City="Lisboa" photoshop:Country="Portugal">
 <dc:description><rdf:Alt><rdf:li xml:lang="x-default">Tram 28 &amp; us</rdf:li></rdf:Alt>
 </dc:description><dc:subject><rdf:Bag><rdf:li>Alfama</rdf:li><rdf:li>tram</rdf:li></rdf:Bag>
 </dc:subject><Iptc4xmpCore:Location>Alfama</Iptc4xmpCore:Location>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def dataset(number: int, value: bytes, record: int = 2) -> bytes:
    return bytes([0x1C, record, number]) + len(value).to_bytes(2, "big") + value


def resources(iptc: bytes) -> bytes:
    other = b"8BIM\x04\x22\x00\x00" + (3).to_bytes(4, "big") + b"abc\x00"
    return other + b"8BIM\x04\x04\x00\x00" + len(iptc).to_bytes(4, "big") + iptc


def jpeg(path: Path, *, iptc: bytes = b"", xmp: str = "", exif: dict[int, bytes] | None = None):
    stream = io.BytesIO()
    Image.new("RGB", (32, 24)).save(stream, "JPEG")
    data = stream.getvalue()
    segments = b""
    if exif:
        block = b"Exif\x00\x00" + piexif.dump({"0th": exif}).removeprefix(b"Exif\x00\x00")
        segments += b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block
    for marker, block in (
        (b"\xff\xed", b"Photoshop 3.0\x00" + resources(iptc) if iptc else b""),
        (b"\xff\xe1", b"http://ns.adobe.com/xap/1.0/\x00" + xmp.encode() if xmp else b""),
    ):
        if block:
            segments += marker + (len(block) + 2).to_bytes(2, "big") + block
    path.write_bytes(data[:2] + segments + data[2:])
    return read_photo(path).words


def test_a_photo_without_words_has_none(tmp_path):
    words = jpeg(tmp_path / "a.jpg")
    assert (words.captions, words.keywords, words.place) == ((), (), "")


def test_xmp_gives_caption_keywords_and_place(tmp_path):
    words = jpeg(tmp_path / "a.jpg", xmp=XMP)
    assert words.captions == ("Tram 28 & us",)
    assert words.keywords == ("Alfama", "tram")
    assert words.place == "Alfama, Lisboa, Portugal"


def test_iptc_gives_caption_keywords_and_place(tmp_path):
    iptc = b"".join(
        (
            dataset(90, b"\x1b%G", record=1),
            dataset(120, "Fête à Genève".encode()),
            dataset(25, b"lac"),
            dataset(25, b"ville"),
            dataset(90, "Genève".encode()),
            dataset(101, b"Suisse"),
        )
    )
    words = jpeg(tmp_path / "a.jpg", iptc=iptc)
    assert words.captions == ("Fête à Genève",)
    assert words.keywords == ("lac", "ville")
    assert words.place == "Genève, Suisse"


def test_exif_descriptions_are_read_in_utf8_and_in_windows_tags(tmp_path):
    title = "Café in Jardín\0".encode("utf-16-le")
    exif = {piexif.ImageIFD.ImageDescription: "Jardín, Colombia".encode(), 0x9C9B: tuple(title)}
    words = jpeg(tmp_path / "a.jpg", exif=exif)
    assert words.captions == ("Jardín, Colombia", "Café in Jardín")


def test_what_cameras_put_where_a_caption_belongs_is_left_out(tmp_path):
    exif = {piexif.ImageIFD.ImageDescription: b"OLYMPUS DIGITAL CAMERA         "}
    assert jpeg(tmp_path / "a.jpg", exif=exif).captions == ()


def test_endless_captions_and_keywords_are_cut(tmp_path):
    iptc = dataset(120, b"x" * 30_000) + b"".join(
        dataset(25, b"k%d" % number) for number in range(2_500)
    )
    words = jpeg(tmp_path / "a.jpg", iptc=iptc)
    assert words.captions == ("x" * MOST_CHARACTERS,)
    assert len(words.keywords) == MOST_KEYWORDS


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"8BIM",
        b"8BIM\x04\x04\x00\x00\xff\xff\xff\xff\x1c\x02\x78\x00\x05abc",
        b"8BIM\x04\x22\xff" + b"\x00" * 20,
        b"\x1c" * 500,
        b"nothing",
    ],
)
def test_damaged_resources_give_what_they_hold(block):
    for texts in iptc_texts(iptc_of_photoshop(block)).values():
        assert all(isinstance(text, str) for text in texts)
    assert isinstance(iptc_texts(block), dict)
