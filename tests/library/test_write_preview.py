"""What the preview promises of each tag is what the files say after the write."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from geotagger.errors import TaskTimeoutError, WriteError
from geotagger.library import writing
from geotagger.library.writing import PlannedWrite, WriteOptions, WriteTarget
from geotagger.photos.bounded import BoundedPool
from geotagger.photos.containers.registry import container_of
from geotagger.photos.gps_write import GpsFix, PlaceName
from geotagger.photos.replace import stamp_of
from geotagger.photos.sidecar import MANAGED, Sidecar
from geotagger.photos.tag_changes import exif_words
from geotagger.photos.xmp_compare import facts, property_texts
from geotagger.photos.xmp_places import (
    LOCATION,
    NAME_KEYS,
    OWN_NS,
    PHOTOSHOP_NS,
    location_fields,
)
from tests.photos.bounded_tasks import wait_for_ever
from tests.photos.making import CAMERA, exif_bytes, jpeg_with_xmp, place, save, xmp
from tests.support.writes import FIX, contents, photo

SINTRA = PlaceName("Sintra", "Lisbon", "Portugal", "PT")
NAMED = replace(FIX, place=SINTRA)
AUTO = WriteOptions()
NAMING = WriteOptions(place_names=True)
ORTON = "photoshop:City='Orton'"


def planned(
    path: Path, fix: GpsFix | None = FIX, options: WriteOptions = AUTO, **more: object
) -> list[PlannedWrite]:
    target = WriteTarget(path, fix, stamp_of(path), **more)  # type: ignore[arg-type]
    return list(writing.plan_writes([target], options).items)


def write(connection: sqlite3.Connection, items: list[PlannedWrite]) -> None:
    results = list(writing.execute(connection, writing.WritePlan(tuple(items))))
    assert [result.error for result in results] == [None] * len(items)


def words_in_file(path: Path) -> dict[str, str]:
    with path.open("rb") as source:
        container = container_of(source, path)
        assert container is not None
        tags = container.read(source, path)
    return exif_words(tags.values, tags.order)


def words_in_sidecar(path: Path) -> dict[str, str]:
    with path.open("rb") as source:
        return {c.tag: c.before for c in Sidecar().changes(source, path, None) if c.before}


def told(item: PlannedWrite) -> dict[str, str]:
    return {tag.tag: tag.after for tag in item.tags if tag.after}


@pytest.mark.parametrize("gps", [False, True])
@pytest.mark.parametrize("fix", [FIX, GpsFix(1.5, -2.25, 7.5, -12.0, "GPS"), GpsFix(48.5, 2.25)])
def test_a_file_says_what_the_preview_promised(
    connection: sqlite3.Connection, folder: Path, gps: bool, fix: GpsFix
) -> None:
    path = photo(folder / "a.jpg", gps=gps)
    before = words_in_file(path)
    items = planned(path, fix)
    assert {tag.tag: tag.before for tag in items[0].tags if tag.before} == before
    write(connection, items)
    assert words_in_file(path) == told(items[0])
    assert told(items[0])["GPSLatitudeRef"] == ("S" if fix.lat < 0 else "N")


def test_kept_changed_and_dropped_tags_are_told_apart(folder: Path) -> None:
    gps = place(48.5, 2.25) | {5: 0, 6: (35, 1), 17: (271, 1), 29: "2020:05:01"}
    path = save(folder / "a.jpg", exif=exif_bytes(CAMERA, gps=gps))
    (item,) = planned(path)
    what = {tag.tag: (tag.what, tag.before, tag.after) for tag in item.tags}
    assert what["GPSImgDirection"] == ("kept", "271", "271")
    assert what["GPSAltitude"] == ("removed", "35 m", "")
    assert what["GPSAltitudeRef"] == ("removed", "above sea level", "")
    assert what["GPSDateStamp"] == ("removed", "2020:05:01", "")
    assert what["GPSLatitude"] == ("changed", "48° 30′ 0″", "33° 51′ 24.4224″")
    assert what["GPSHPositioningError"] == ("added", "", "25 m")
    assert what["GPSProcessingMethod"] == ("added", "", "MANUAL")


def test_clearing_shows_every_tag_as_removed(folder: Path) -> None:
    (item,) = planned(photo(folder / "a.jpg", gps=True), None)
    assert item.tags and {tag.what for tag in item.tags} == {"removed"}


@pytest.mark.parametrize("old", ["", "exif:GPSLatitude='1,0.0N' exif:GPSLongitude='2,0.0E'"])
def test_a_sidecar_says_what_the_preview_promised(
    connection: sqlite3.Connection, folder: Path, old: str
) -> None:
    path = photo(folder / "a.jpg")
    beside = folder / "a.jpg.xmp"
    if old:
        beside.write_bytes(xmp(old + " exif:GPSImgDirection='7/1'"))
    items = planned(path, NAMED, WriteOptions("always", place_names=True))
    assert [item.destination for item in items] == [beside]
    write(connection, items)
    assert words_in_sidecar(beside) == told(items[0])
    assert told(items[0])["pgt:Provenance"] == "a test"
    assert told(items[0])["pgt:Program"].startswith("Photo Geotagger ")
    assert told(items[0])["Iptc4xmpExt:LocationCreated"] == "Sintra, Lisbon, Portugal, PT"
    assert ("exif:GPSImgDirection" in told(items[0])) == bool(old)


def test_provenance_is_read_back_from_the_sidecar(
    connection: sqlite3.Connection, folder: Path
) -> None:
    path = photo(folder / "a.jpg")
    write(connection, planned(path, FIX, WriteOptions("always")))
    texts = property_texts((folder / "a.jpg.xmp").read_bytes())
    assert texts[OWN_NS, "Provenance"] == FIX.provenance
    assert texts[OWN_NS, "Program"].startswith("Photo Geotagger")


class TestPlaceNames:
    def test_they_go_into_a_sidecar_though_the_place_goes_into_the_file(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        path = photo(folder / "a.jpg")
        inside, beside = planned(path, NAMED, NAMING)
        assert (inside.how, beside.how) == ("in the file", "sidecar")
        assert "XMP only" in beside.reason
        write(connection, [inside, beside])
        data = (folder / "a.jpg.xmp").read_bytes()
        texts = property_texts(data)
        assert [texts[PHOTOSHOP_NS, name] for name in ("City", "State", "Country")] == [
            "Sintra",
            "Lisbon",
            "Portugal",
        ]
        assert location_fields(data) == {
            "City": "Sintra",
            "ProvinceState": "Lisbon",
            "CountryName": "Portugal",
            "CountryCode": "PT",
        }

    def test_they_are_off_unless_asked_for(self, folder: Path) -> None:
        (item,) = planned(photo(folder / "a.jpg"), NAMED)
        assert item.how == "in the file"

    def test_without_sidecars_they_are_left_out_and_that_is_told(self, folder: Path) -> None:
        options = WriteOptions("never", place_names=True)
        (item,) = planned(photo(folder / "a.jpg"), NAMED, options)
        assert "left out" in item.reason

    @pytest.mark.parametrize(
        "own",
        [
            (ORTON, ""),
            ("", "<photoshop:Country>England</photoshop:Country>"),
            (
                "xmlns:i='http://iptc.org/std/Iptc4xmpExt/2008-02-29/'",
                "<i:LocationCreated><rdf:Bag><rdf:li rdf:parseType='Resource'>"
                "<i:City>Orton</i:City></rdf:li></rdf:Bag></i:LocationCreated>",
            ),
        ],
    )
    def test_names_of_others_are_kept_and_nothing_is_put_beside_them(
        self, connection: sqlite3.Connection, folder: Path, own: tuple[str, str]
    ) -> None:
        path, beside = photo(folder / "a.jpg"), folder / "a.jpg.xmp"
        beside.write_bytes(xmp(*own))
        managed = {(ns, name) for ns, name in _managed() if (ns, name) not in NAME_KEYS}
        before = facts(beside.read_bytes(), managed)
        items = planned(path, NAMED, NAMING)
        assert "kept" in items[1].warning
        write(connection, items)
        assert facts(beside.read_bytes(), managed) == before

    def test_ours_are_replaced_and_taken_out_with_the_place(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        path, beside = photo(folder / "a.jpg"), folder / "a.jpg.xmp"
        beside.write_bytes(xmp("photoshop:Headline='mine'"))
        original = facts(beside.read_bytes(), ())
        options = WriteOptions("always", place_names=True)
        write(connection, planned(path, NAMED, options))
        paris = GpsFix(48.85, 2.35, place=PlaceName("Paris", "", "France", "FR"))
        write(connection, planned(path, paris, options))
        data = beside.read_bytes()
        texts = property_texts(data)
        assert texts[PHOTOSHOP_NS, "City"] == "Paris" and (PHOTOSHOP_NS, "State") not in texts
        assert data.count(b"LocationCreated xmlns") == 1 and b"Sintra" not in data
        once = beside.read_bytes()
        write(connection, planned(path, paris, options))
        assert beside.read_bytes() == once
        # Without names a far place makes the old names wrong, so they go.
        write(connection, planned(path, GpsFix(1, 2), WriteOptions("always")))
        assert b"Paris" not in beside.read_bytes()
        write(connection, planned(path, paris, options))
        write(connection, planned(path, None, WriteOptions("always")))
        assert facts(beside.read_bytes(), ()) == original

    def test_undo_gives_the_sidecar_its_bytes_back(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        path = photo(folder / "a.jpg")
        (folder / "a.jpg.xmp").write_bytes(xmp("", "<exif:Flash>1</exif:Flash>"))
        before = contents(folder)
        items = planned(path, NAMED, NAMING)
        write(connection, items)
        assert all(result.ok for result in writing.undo(connection, 1))
        assert contents(folder) == before

    def test_markup_in_a_name_stays_text(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        odd = PlaceName("a<b> & 'c' | d", "", "é", "")
        path = photo(folder / "a.jpg")
        write(connection, planned(path, replace(FIX, place=odd), NAMING))
        fields = location_fields((folder / "a.jpg.xmp").read_bytes())
        assert fields == {"City": "a<b> & 'c' / d", "CountryName": "é"}


def _managed() -> set[tuple[str, str]]:
    return {*MANAGED, LOCATION}


class TestWarnings:
    def test_a_packet_inside_the_file_that_will_contradict_is_told(self, folder: Path) -> None:
        path = folder / "a.jpg"
        packet = xmp("exif:GPSLatitude='1,0.0N' exif:GPSLongitude='2,0.0E'")
        path.write_bytes(jpeg_with_xmp(packet, exif_bytes(CAMERA)))
        (item,) = planned(path)
        assert "XMP inside the file" in item.warning and "1.000000° N" in item.warning
        (item,) = planned(path, GpsFix(1, 2))
        assert item.warning == ""

    def test_a_file_that_is_left_alone_but_says_another_place_is_told(self, folder: Path) -> None:
        path = photo(folder / "a.jpg", gps=True)
        (item,) = planned(path, FIX, WriteOptions("always"))
        assert "The file itself" in item.warning

    def test_a_sidecar_that_may_not_be_written_is_told(self, folder: Path) -> None:
        path = photo(folder / "a.jpg")
        (folder / "a.jpg.xmp").write_bytes(
            xmp("exif:GPSLatitude='1,0.0N' exif:GPSLongitude='2,0.0E'")
        )
        (item,) = planned(path, FIX, WriteOptions("never"))
        assert "a.jpg.xmp" in item.warning
        inside, beside = planned(path)
        assert (inside.warning, beside.warning) == ("", "")


class TestNames:
    def test_adobe_names_are_for_raw_files_only(self, folder: Path) -> None:
        still, raw = photo(folder / "a.jpg"), folder / "a.nef"
        raw.write_bytes(b"MM\0*raw")
        adobe = WriteOptions(naming="adobe")
        items = planned(still, FIX, adobe, companions=(raw,))
        assert [item.destination.name for item in items] == ["a.jpg", "a.xmp"]
        items = planned(still, FIX, WriteOptions("always", "adobe"), companions=(raw,))
        assert [item.destination.name for item in items] == ["a.jpg.xmp", "a.xmp"]

    @pytest.mark.parametrize(
        ("there", "goes_to"),
        [
            (["a.xmp"], "a.xmp"),
            (["a.nef.xmp"], "a.nef.xmp"),
            (["a.xmp", "a.nef.xmp"], "a.nef.xmp"),
            ([], "a.nef.xmp"),
        ],
    )
    @pytest.mark.parametrize("naming", ["extension", "adobe"])
    def test_whichever_sidecar_of_a_raw_exists_is_updated(
        self, folder: Path, there: list[str], goes_to: str, naming: str
    ) -> None:
        raw = folder / "a.nef"
        raw.write_bytes(b"MM\0*raw")
        for name in there:
            (folder / name).write_bytes(xmp())
        (item,) = planned(raw, FIX, WriteOptions("auto", naming))  # type: ignore[arg-type]
        wanted = "a.xmp" if not there and naming == "adobe" else goes_to
        assert item.destination.name == wanted


class TestHostile:
    def test_a_pipe_with_the_name_of_the_sidecar_is_refused_at_once(self, folder: Path) -> None:
        path = photo(folder / "a.jpg")
        os.mkfifo(folder / "a.jpg.xmp")
        (item,) = planned(path, FIX, WriteOptions("always"))
        assert isinstance(item.error, WriteError) and "no file" in item.reason

    def test_a_share_that_does_not_answer_is_refused_and_the_others_go_on(
        self, folder: Path
    ) -> None:
        paths = [photo(folder / f"{n}.jpg") for n in range(3)]
        targets = [WriteTarget(path, FIX, stamp_of(path)) for path in paths]
        with _DeadShare(1, 30.0, 1 << 30) as pool:
            items = writing.plan_writes(targets, pool=pool).items
        assert [item.how for item in items] == ["in the file", "refused", "in the file"]
        assert isinstance(items[1].error, TaskTimeoutError)
        assert items[1].error.path == paths[1]


class _DeadShare(BoundedPool):
    """Of three files the second one never answers."""

    def run(self, function, *args, timeout_s=None):  # type: ignore[no-untyped-def]
        if getattr(args[0], "path", Path()).name != "1.jpg":
            return super().run(function, *args, timeout_s=timeout_s)
        with BoundedPool(1, 0.1, 1 << 30) as short:
            return short.run(wait_for_ever, args[0].path)
