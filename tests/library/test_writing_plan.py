"""What a plan says, refuses and leaves out."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from geotagger.errors import WriteRefusedError
from geotagger.library import writing
from geotagger.library.writing import WriteOptions, WriteTarget
from geotagger.photos.replace import stamp_of
from geotagger.progress import CancelledError, CancelToken
from tests.support.jpegs import camera_block, exif, jpeg, places_read
from tests.support.writes import FIX, contents, photo, plan

XMP = (
    "<x:xmpmeta xmlns:x='adobe:ns:meta/'>\n"
    "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
    "<rdf:Description xmlns:a='u:' a:keep='&#8364; me'/></rdf:RDF></x:xmpmeta>"
)


def place(path: Path) -> object:
    return places_read(path)["exifread"]


class TestPlan:
    def test_says_what_changes_in_words(self, folder: Path) -> None:
        (item,) = plan([photo(folder / "a.jpg", gps=True)]).items
        assert (item.how, item.reason) == ("in the file", "")
        assert item.before == "48.500000° N, 2.250000° E"
        assert item.after == "33.856784° S, 151.215297° E, ±25 m"

    def test_changes_nothing(self, folder: Path) -> None:
        paths = [photo(folder / "a.jpg"), folder / "b.nef"]
        paths[1].write_bytes(b"raw")
        before = contents(folder)
        plan(paths)
        assert contents(folder) == before

    def test_takes_a_sidecar_for_what_the_patch_refuses(self, folder: Path) -> None:
        path = folder / "a.jpg"
        path.write_bytes(jpeg(exif(camera_block(padding=65_500 - len(camera_block())))))
        (item,) = plan([path]).items
        assert (item.how, item.destination.name) == ("sidecar", "a.jpg.xmp")
        assert "64 kB" in item.reason

    def test_always_and_never_are_obeyed(self, folder: Path) -> None:
        path, raw = photo(folder / "a.jpg"), folder / "b.nef"
        raw.write_bytes(b"raw")
        (folder / "a.jpg.xmp").write_text(XMP)
        always = plan([path, raw], options=WriteOptions(sidecar="always")).items
        assert [i.how for i in always] == ["sidecar", "sidecar"]
        never = plan([path, raw], options=WriteOptions(sidecar="never")).items
        assert [i.how for i in never] == ["in the file", "refused"]
        assert isinstance(never[1].error, WriteRefusedError)
        pair = plan([path], options=WriteOptions(sidecar="never"), companions=[raw]).items
        assert [i.how for i in pair] == ["in the file"]

    def test_names_like_adobe_if_told(self, folder: Path) -> None:
        raw = folder / "b.nef"
        raw.write_bytes(b"raw")
        (item,) = plan([raw], options=WriteOptions(naming="adobe")).items
        assert item.destination.name == "b.xmp"

    def test_refuses_two_photos_that_are_one_file(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        path = photo(folder / "a.jpg")
        (folder / "link.jpg").symlink_to(path)
        prepared = plan([path, folder / "link.jpg"])
        assert [i.how for i in prepared.items] == ["in the file", "refused"]
        assert [r.ok for r in writing.execute(connection, prepared)] == [True, False]

    def test_clearing_gps_is_a_write_that_can_be_undone(
        self, connection: sqlite3.Connection, folder: Path
    ) -> None:
        path, none = photo(folder / "a.jpg", gps=True), photo(folder / "b.jpg")
        raw = folder / "c.nef"
        raw.write_bytes(b"raw")
        before = contents(folder)
        prepared = plan([path, none, raw], None)
        assert [(i.path, i.after) for i in prepared.items] == [(path, "no place")]
        (result,) = writing.execute(connection, prepared)
        assert place(path) is None
        assert next(writing.undo(connection, result.write_id)).ok
        assert contents(folder) == before

    def test_can_be_cancelled(self, folder: Path) -> None:
        cancel = CancelToken()
        cancel.cancel()
        path = photo(folder / "a.jpg")
        with pytest.raises(CancelledError):
            writing.plan_writes([WriteTarget(path, FIX, stamp_of(path))], cancel=cancel)


def test_two_names_of_one_file_are_written_once_and_the_second_says_so(tmp_path: Path) -> None:
    first = photo(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").hardlink_to(first)
    one, other = plan([first, tmp_path / "b.jpg"]).items
    assert one.how == "in the file"
    assert other.how == "refused" and "hard link" in other.reason
    alone = plan([tmp_path / "b.jpg"]).items
    assert [item.how for item in alone] == ["in the file"]
