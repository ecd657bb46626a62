"""Sidecars through the journal: created, merged into, left alone, taken back."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from geotagger.errors import FileChangedError, WriteRefusedError
from geotagger.library import writing
from tests.support.writes import contents, photo, plan

XMP = (
    "<x:xmpmeta xmlns:x='adobe:ns:meta/'>\n"
    "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
    "<rdf:Description xmlns:a='u:' a:keep='&#8364; me'/></rdf:RDF></x:xmpmeta>"
)


class TestSidecars:
    def test_other_containers_get_one_and_undo_removes_it(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        paths = [folder / "a.heic", folder / "b.nef"]
        for path in paths:
            path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
        before = contents(folder)
        prepared = plan(paths)
        assert [item.how for item in prepared.items] == ["sidecar"] * 2
        assert all(item.reason for item in prepared.items)
        results = list(writing.execute(connection, prepared))
        assert [r.destination.name for r in results] == ["a.heic.xmp", "b.nef.xmp"]
        assert contents(folder).keys() > before.keys()
        assert all(r.ok for r in writing.undo(connection, results[0].write_id))
        assert contents(folder) == before

    def test_an_existing_one_is_merged_into_and_restored(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        (folder / "a.nef").write_bytes(b"raw")
        (folder / "a.xmp").write_text(XMP)
        before = contents(folder)
        (result,) = writing.execute(connection, plan([folder / "a.nef"]))
        assert result.destination == folder / "a.xmp"
        assert "a:keep='&#8364; me'" in (folder / "a.xmp").read_text()
        assert next(writing.undo(connection, result.write_id)).ok
        assert contents(folder) == before

    def test_one_that_was_edited_since_is_not_taken_back(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        (folder / "a.nef").write_bytes(b"raw")
        (result,) = writing.execute(connection, plan([folder / "a.nef"]))
        with result.destination.open("a") as stream:
            stream.write("<!-- edited -->")
        (undone,) = writing.undo(connection, result.write_id)
        assert isinstance(undone.error, FileChangedError)
        assert result.destination.exists()

    def test_one_that_appears_after_planning_is_not_overwritten(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        (folder / "a.nef").write_bytes(b"raw")
        prepared = plan([folder / "a.nef"])
        (folder / "a.nef.xmp").write_text(XMP)
        (result,) = writing.execute(connection, prepared)
        assert isinstance(result.error, FileChangedError)
        assert (folder / "a.nef.xmp").read_text() == XMP

    def test_a_damaged_one_is_left_alone(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        (folder / "a.nef").write_bytes(b"raw")
        (folder / "a.nef.xmp").write_text("<broken")
        (result,) = writing.execute(connection, plan([folder / "a.nef"]))
        assert isinstance(result.error, WriteRefusedError)
        assert (folder / "a.nef.xmp").read_text() == "<broken"

    def test_the_raw_of_a_pair_gets_one_and_the_movie_stays_untouched(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        path = photo(folder / "a.jpg")
        for name in ("a.nef", "a.mov", "a.aae"):
            (folder / name).write_bytes(b"other")
        (folder / "a.xmp").write_text(XMP)
        others = [folder / "a.nef", folder / "a.mov", folder / "a.aae"]
        results = list(writing.execute(connection, plan([path], companions=others)))
        assert [(r.path.name, r.destination.name) for r in results] == [
            ("a.jpg", "a.jpg"),
            ("a.nef", "a.xmp"),
        ]
        assert all(r.ok for r in results)
        assert all(other.read_bytes() == b"other" for other in others)

    def test_the_one_of_a_jpeg_is_kept_in_step(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        path = photo(folder / "a.jpg")
        (folder / "a.jpg.xmp").write_text(XMP)
        results = list(writing.execute(connection, plan([path])))
        assert [r.destination.name for r in results] == ["a.jpg", "a.jpg.xmp"]
        assert "GPSLatitude" in (folder / "a.jpg.xmp").read_text()

    def test_is_left_alone_when_its_photo_could_not_be_written(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        path = photo(folder / "a.jpg")
        (folder / "a.jpg.xmp").write_text(XMP)
        prepared = plan([path])
        path.write_bytes(b"changed")
        results = list(writing.execute(connection, prepared))
        assert [r.ok for r in results] == [False, False]
        assert (folder / "a.jpg.xmp").read_text() == XMP

    def test_of_a_photo_that_changed_is_not_written(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        (folder / "a.nef").write_bytes(b"raw")
        prepared = plan([folder / "a.nef"])
        (folder / "a.nef").write_bytes(b"another raw")
        (result,) = writing.execute(connection, prepared)
        assert isinstance(result.error, FileChangedError)
        assert not (folder / "a.nef.xmp").exists()
