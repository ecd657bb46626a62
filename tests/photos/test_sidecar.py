"""XMP sidecars: created, merged into, found, refused."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from geotagger.errors import WriteError, WriteRefusedError
from geotagger.photos import sidecar
from geotagger.photos.edits import apply
from geotagger.photos.gps_write import GpsFix
from geotagger.photos.sidecar import EXIF_NS, OWN_NS, Sidecar, format_angle, position_of
from geotagger.photos.xmp_compare import facts, property_texts

FIX = GpsFix(-33.856784, 151.215297, radius_m=25, provenance='Nearest in "time" & <look-alikes>')
NAME = Path("photo.nef.xmp")

DARKTABLE = """<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <!-- kept -->
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:exif="http://ns.adobe.com/exif/1.0/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:darktable="http://darktable.sf.net/"
   exif:DateTimeOriginal="2021:06:05 10:11:12"
   exif:GPSLatitude="48,30.0000N"
   exif:GPSLongitude='2,15.0000E'
   exif:GPSAltitude="350/10"
   exif:GPSAltitudeRef="0"
   exif:GPSImgDirection="271/1"
   xmp:Rating="5"
   darktable:xmp_version="5">
   <dc:subject>
    <rdf:Bag>
     <rdf:li>Sommer &amp; Meer</rdf:li>
     <rdf:li>größer &#8364;</rdf:li>
    </rdf:Bag>
   </dc:subject>
   <darktable:history>
    <rdf:Seq>
     <rdf:li darktable:params="gz02eJxjYA==" exif:GPSLatitude="not ours"/>
    </rdf:Seq>
   </darktable:history>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""
ELEMENTS = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><R:RDF xmlns:R="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
 <R:Description R:about="" xmlns:e="http://ns.adobe.com/exif/1.0/">
  <e:GPSLatitude>48,30.0N</e:GPSLatitude>
  <e:GPSLongitude>2,15.0E</e:GPSLongitude>
  <e:GPSTimeStamp>2021-06-05T08:11:12Z</e:GPSTimeStamp>
  <e:UserComment><R:Alt><R:li xml:lang="x-default">keep</R:li></R:Alt></e:UserComment>
 </R:Description>
 <R:Description R:about="" xmlns:exif="http://example.org/not-exif/" exif:GPSLatitude="keep me"/>
</R:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


def written(text: str | bytes, fix: GpsFix | None = FIX) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    source, target = io.BytesIO(data), io.BytesIO()
    apply(Sidecar().edits(source, NAME, fix), source, target)
    Sidecar().check(source, target, NAME, fix)
    return target.getvalue()


def place(data: bytes) -> tuple[float, float] | None:
    found = Sidecar().read(io.BytesIO(data), NAME)
    return None if found is None else (found.lat, found.lon)


def wrapped(inside: str, tag: str = "") -> str:
    return (
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'>"
        f"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'{tag}>{inside}</rdf:RDF>"
        "</x:xmpmeta>"
    )


def test_a_new_sidecar_says_place_radius_method_and_provenance() -> None:
    texts = property_texts(written(b""))
    assert {key[1]: text for key, text in texts.items() if key[0] == EXIF_NS} == {
        "GPSVersionID": "2.3.0.0",
        "GPSLatitude": "33,51.407040S",
        "GPSLongitude": "151,12.917820E",
        "GPSMapDatum": "WGS-84",
        "GPSProcessingMethod": "MANUAL",
        "GPSHPositioningError": "2500/100",
    }
    assert texts[OWN_NS, "Provenance"] == FIX.provenance


@given(st.floats(-90, 90, allow_nan=False), st.floats(-180, 180, allow_nan=False))
@example(90.0, 180.0)
@example(-90.0, -180.0)
@example(0.99999999999, -59.99999999999)
@example(0.0, 0.0)
def test_places_come_back_in_every_quadrant(lat: float, lon: float) -> None:
    found = place(written(b"", GpsFix(lat, lon)))
    if found is None:
        assert max(abs(lat), abs(lon)) < 1e-8
        return
    assert found == pytest.approx((lat, lon), abs=1e-8)


@pytest.mark.parametrize(
    ("value", "letters", "text"),
    [
        (0.0, "NS", "0,00.000000N"),
        (-0.5, "EW", "0,30.000000W"),
        (59.9999999999, "NS", "60,00.000000N"),
        (-180.0, "EW", "180,00.000000W"),
        (7.0083333333, "NS", "7,00.500000N"),
    ],
)
def test_angles_are_written_with_their_hemisphere(value: float, letters: str, text: str) -> None:
    assert format_angle(value, letters) == text


@pytest.mark.parametrize("text", [DARKTABLE, ELEMENTS, DARKTABLE.replace("\n", "\r\n")])
def test_merging_keeps_every_other_property(text: str) -> None:
    new = written(text)
    assert place(new) == pytest.approx((FIX.lat, FIX.lon), abs=1e-8)
    assert facts(new, sidecar.MANAGED) == facts(text.encode(), sidecar.MANAGED)


def test_merging_changes_only_the_bytes_of_the_place() -> None:
    new = written(DARKTABLE).decode()
    kept = [line for line in DARKTABLE.splitlines(keepends=True) if "exif:GPS" not in line]
    position = 0
    for line in kept:
        # The new properties went in behind the last attribute, in front of its tag's end.
        for part in line.partition('version="5"'):
            position = new.index(part, position) + len(part)
    assert 'exif:GPSImgDirection="271/1"' in new
    assert "GPSAltitude" not in new
    assert "exif:GPSLongitude='151,12.917820E'" in new


def test_elements_are_replaced_in_place_with_the_prefix_of_the_file() -> None:
    new = written(ELEMENTS).decode()
    assert "<e:GPSLatitude>33,51.407040S</e:GPSLatitude>" in new
    assert "GPSTimeStamp" not in new
    assert 'e:GPSMapDatum="WGS-84"' in new
    assert 'exif:GPSLatitude="keep me"' in new


def test_merging_again_gives_the_same_bytes() -> None:
    for text in (DARKTABLE, ELEMENTS, ""):
        once = written(text)
        assert written(once) == once


def test_clearing_takes_only_the_place_out() -> None:
    new = written(written(DARKTABLE), None)
    assert place(new) is None
    assert b"Provenance" not in new
    assert facts(new, sidecar.MANAGED) == facts(DARKTABLE.encode(), sidecar.MANAGED)


def test_the_same_place_keeps_text_and_altitude_of_the_file() -> None:
    new = written(DARKTABLE, GpsFix(48.5, 2.25, radius_m=8)).decode()
    assert 'exif:GPSLatitude="48,30.0000N"' in new
    assert 'exif:GPSAltitude="350/10"' in new


def test_contradicting_repetitions_are_taken_out() -> None:
    ns = f' xmlns:exif="{EXIF_NS}"'
    one = "<rdf:Description exif:GPSLatitude='1,0.0N' exif:GPSLongitude='1,0.0E'/>"
    two = "<rdf:Description><exif:GPSLatitude>9,0.0N</exif:GPSLatitude></rdf:Description>"
    new = written(wrapped(one + two, ns))
    assert new.count(b"GPSLatitude") == 1


@pytest.mark.parametrize(
    "text",
    [
        wrapped(""),
        wrapped("").replace("></rdf:RDF>", "/>"),
        wrapped("<rdf:Description rdf:about=''/>"),
        wrapped("<rdf:Description/>"),
        wrapped("<rdf:Description></rdf:Description>"),
        wrapped("<rdf:Description/>", " xmlns:exif='http://example.org/' xmlns:pgt='u:'"),
        "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>",
        "\ufeff" + wrapped("<rdf:Description  rdf:about = ''\n/>"),
        wrapped("<rdf:Description a:b='x > y' xmlns:a='u:'/>"),
    ],
)
def test_sparse_files_get_what_is_missing(text: str) -> None:
    assert place(written(text)) == pytest.approx((FIX.lat, FIX.lon), abs=1e-8)


BOMB = '<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY c "&a;&a;&a;&a;&a;&a;">]>' + wrapped(
    "<rdf:Description/>"
)


@pytest.mark.parametrize(
    "data",
    [
        b"rubbish",
        b"<x/>",
        wrapped("<rdf:Description>").encode(),
        wrapped("<rdf:Description/>").encode()[:-5],
        wrapped("<rdf:Description/>").encode("utf-16"),
        b'<?xml version="1.0" encoding="ISO-8859-1"?>' + wrapped("<rdf:Description/>").encode(),
        wrapped("<rdf:Description/>").encode() + b"\0",
        BOMB.encode(),
        wrapped("<a>" * 200 + "</a>" * 200).encode(),
        wrapped("<rdf:Description q:a='1'/>").encode(),
        wrapped("", "".join(f" xmlns:p{n}='u:'" for n in range(300))).encode(),
        b"\xff\xfe" * 20,
        b" " * (17 << 20),
    ],
    ids=range(13),
)
def test_damaged_or_hostile_sidecars_are_refused(data: bytes) -> None:
    with pytest.raises(WriteRefusedError) as caught:
        Sidecar().edits(io.BytesIO(data), NAME, FIX)
    assert caught.value.path == NAME
    assert "move it away" in caught.value.remedy


def test_the_check_notices_a_lost_property_and_a_wrong_place() -> None:
    good = written(DARKTABLE)
    for bad, words in (
        (good.replace(b'xmp:Rating="5"', b'xmp:Rating="4"'), "other properties"),
        (good.replace(b"51.407040S", b"51.407040N"), "place"),
        (good[:-4], "damaged"),
    ):
        with pytest.raises(WriteError, match=words):
            Sidecar().check(io.BytesIO(DARKTABLE.encode()), io.BytesIO(bad), NAME, FIX)


@given(st.text(max_size=30))
def test_any_provenance_is_written_as_well_formed_text(text: str) -> None:
    new = written(b"", GpsFix(1, 2, provenance=text))
    found = property_texts(new).get((OWN_NS, "Provenance"), "")
    allowed = {"\t", "\n", "\r"}
    legal = [c for c in text if c in allowed or (c >= " " and c not in "\ufffe\uffff")]
    assert found == "".join(legal)


@pytest.mark.parametrize(
    ("lat", "lon"),
    [("48,30.0", "2,15.0E"), ("48,30.0E", "2,15.0E"), ("48,60.0N", "2,15.0E"), ("91,0N", "2,0E")],
)
def test_incomplete_places_are_no_places(lat: str, lon: str) -> None:
    assert position_of({(EXIF_NS, "GPSLatitude"): lat, (EXIF_NS, "GPSLongitude"): lon}) is None


def test_degrees_minutes_seconds_are_read() -> None:
    found = position_of({(EXIF_NS, "GPSLatitude"): "48,30,36S", (EXIF_NS, "GPSLongitude"): "2,15E"})
    assert found is not None
    assert (found.lat, found.lon) == pytest.approx((-48.51, 2.25))


class TestNames:
    def test_new_names(self) -> None:
        assert sidecar.new_name(Path("a/x.NEF")) == Path("a/x.NEF.xmp")
        assert sidecar.new_name(Path("a/x.NEF"), "adobe") == Path("a/x.xmp")
        assert sidecar.new_name(Path("a/x.heic"), "adobe") == Path("a/x.heic.xmp")

    def test_the_whole_name_comes_first(self, tmp_path: Path) -> None:
        for name in ("x.nef.xmp", "x.xmp"):
            (tmp_path / name).write_text(wrapped(""))
        assert sidecar.existing(tmp_path / "x.nef") == tmp_path / "x.nef.xmp"

    def test_the_short_name_belongs_to_the_raw_of_a_pair(self, tmp_path: Path) -> None:
        (tmp_path / "x.xmp").write_text(wrapped(""))
        raw, still = tmp_path / "x.nef", tmp_path / "x.jpg"
        assert sidecar.existing(raw, [still]) == tmp_path / "x.xmp"
        assert sidecar.existing(still, [raw]) is None
        assert sidecar.existing(still) == tmp_path / "x.xmp"

    def test_what_adobe_says_about_its_sidecar_is_believed(self, tmp_path: Path) -> None:
        inside = "<rdf:Description p:SidecarForExtension='NEF' xmlns:p='%s'/>"
        (tmp_path / "x.xmp").write_text(wrapped(inside % sidecar.PHOTOSHOP_NS))
        assert sidecar.existing(tmp_path / "x.nef") == tmp_path / "x.xmp"
        assert sidecar.existing(tmp_path / "x.jpg") is None

    def test_no_sidecar_and_names_too_long(self, tmp_path: Path) -> None:
        assert sidecar.existing(tmp_path / "x.nef") is None
        assert sidecar.existing(tmp_path / ("x" * 250 + ".nef")) is None
