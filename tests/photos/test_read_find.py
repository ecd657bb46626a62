"""A folder tree is walked once, whatever lies in it, and the walk goes on after trouble."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from geotagger.errors import FolderError
from geotagger.photos.find import Found, Unlistable, find_photos
from geotagger.photos.record import FileStamp, Kind
from geotagger.progress import CancelledError, CancelToken


def touch(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def found_in(folder: Path) -> list[str]:
    return [
        str(item.path.relative_to(folder))
        for item in find_photos(folder)
        if isinstance(item, Found)
    ]


def unlistable_in(folder: Path) -> list[Unlistable]:
    return [item for item in find_photos(folder) if isinstance(item, Unlistable)]


def test_photos_of_all_kinds_are_found_in_order(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "sub/c.heic", "sub/deep/d.nef", "e.avif", "f.webp", "g.tif"):
        touch(tmp_path / name)
    for name in ("notes.txt", "movie.mov", "list.csv", "a.xmp", "noextension"):
        touch(tmp_path / name)
    assert found_in(tmp_path) == [
        "a.png",
        "b.JPG",
        "e.avif",
        "f.webp",
        "g.tif",
        "sub/c.heic",
        "sub/deep/d.nef",
    ]


def test_what_is_known_without_opening_comes_along(tmp_path: Path) -> None:
    photo = touch(tmp_path / "a.jpg", b"12345")
    raw, sidecar = touch(tmp_path / "a.cr2"), touch(tmp_path / "a.jpg.xmp", b"123")
    os.utime(photo, ns=(5, 7_000_000_000))
    os.utime(sidecar, ns=(5, 8_000_000_000))
    assert list(find_photos(tmp_path)) == [
        Found(
            photo,
            Kind.JPEG,
            FileStamp(5, 7_000_000_000),
            (raw, sidecar),
            (raw,),
            sidecar,
            FileStamp(3, 8_000_000_000),
        )
    ]


@pytest.mark.parametrize(
    "name",
    [
        ".hidden.jpg",
        "._a.jpg",
        ".thumbnails/a.jpg",
        "@eaDir/a.jpg",
        "$RECYCLE.BIN/a.jpg",
        "System Volume Information/a.jpg",
        "__MACOSX/a.jpg",
        "Catalog Previews.lrdata/a.jpg",
    ],
)
def test_hidden_and_system_places_are_skipped(tmp_path: Path, name: str) -> None:
    touch(tmp_path / name)
    assert list(find_photos(tmp_path)) == []


def test_a_library_of_apple_photos_is_left_alone_in_words(tmp_path: Path) -> None:
    touch(tmp_path / "Photos Library.photoslibrary/originals/0/a.heic")
    (item,) = unlistable_in(tmp_path)
    assert "Apple Photos" in item.error.message
    assert found_in(tmp_path) == []


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    touch(tmp_path / "sub/a.jpg")
    (tmp_path / "sub/up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "sub/self").symlink_to(tmp_path / "sub/self")
    (tmp_path / "x.jpg").symlink_to(tmp_path / "y.jpg")
    (tmp_path / "y.jpg").symlink_to(tmp_path / "x.jpg")
    assert found_in(tmp_path) == ["sub/a.jpg"]
    assert {item.path.name for item in unlistable_in(tmp_path)} == {"x.jpg", "y.jpg"}


def test_a_linked_folder_elsewhere_is_followed_once(tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    touch(root / "a.jpg")
    touch(other / "b.jpg")
    for name in ("one", "two"):
        (root / name).symlink_to(other, target_is_directory=True)
    assert found_in(root) == ["a.jpg", "one/b.jpg"]


def test_a_link_upwards_does_not_pull_in_what_lies_above(tmp_path: Path) -> None:
    touch(tmp_path / "private.jpg")
    touch(tmp_path / "root/a.jpg")
    (tmp_path / "root/up").symlink_to(tmp_path, target_is_directory=True)
    assert found_in(tmp_path / "root") == ["a.jpg"]


def test_a_linked_photo_comes_once(tmp_path: Path) -> None:
    outside = touch(tmp_path / "outside/b.jpg")
    inside = touch(tmp_path / "root/a.jpg")
    (tmp_path / "root/again.jpg").symlink_to(inside)
    (tmp_path / "root/linked.jpg").symlink_to(outside)
    (tmp_path / "root/gone.jpg").symlink_to(tmp_path / "nothing.jpg")
    assert found_in(tmp_path / "root") == ["a.jpg", "linked.jpg"]


def test_pipes_and_folders_named_like_photos_are_no_photos(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    touch(tmp_path / "folder.jpg/a.jpg")
    assert found_in(tmp_path) == ["folder.jpg/a.jpg"]


def test_a_name_that_is_not_utf8_is_found(tmp_path: Path) -> None:
    path = touch(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.jpg")))
    assert [item.path for item in find_photos(tmp_path)] == [path]


@pytest.fixture
def fail_on(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, OSError], None]:
    """Make listing one folder fail as the operating system would."""

    def arrange(name: str, error: OSError) -> None:
        real = os.scandir

        def scandir(path: Any) -> Any:
            if Path(path).name == name:
                raise error
            return real(path)

        monkeypatch.setattr(os, "scandir", scandir)

    return arrange


def test_an_unlistable_folder_is_told_and_the_rest_goes_on(
    tmp_path: Path, fail_on: Callable[[str, OSError], None]
) -> None:
    touch(tmp_path / "a/a.jpg")
    touch(tmp_path / "locked/b.jpg")
    touch(tmp_path / "z/c.jpg")
    fail_on("locked", PermissionError(13, "Permission denied"))
    assert found_in(tmp_path) == ["a/a.jpg", "z/c.jpg"]
    (item,) = unlistable_in(tmp_path)
    assert item.path == tmp_path / "locked"
    assert item.error.path == item.path
    assert "not allowed" in item.error.message
    assert item.error.remedy


def test_an_unlistable_root_is_an_error(
    tmp_path: Path, fail_on: Callable[[str, OSError], None]
) -> None:
    fail_on(tmp_path.name, OSError(5, "Input/output error"))
    with pytest.raises(FolderError, match="Input/output error"):
        list(find_photos(tmp_path))


def test_a_missing_root_and_a_file_as_root_are_errors_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="not there") as missing:
        list(find_photos(tmp_path / "nothing"))
    assert missing.value.path == tmp_path / "nothing"
    assert missing.value.remedy
    with pytest.raises(FolderError, match="not a folder"):
        list(find_photos(touch(tmp_path / "a.jpg")))


def test_an_empty_folder_has_no_photos(tmp_path: Path) -> None:
    assert list(find_photos(tmp_path)) == []


def test_the_walk_can_be_cancelled(tmp_path: Path) -> None:
    for name in ("a/1.jpg", "b/2.jpg"):
        touch(tmp_path / name)
    cancel = CancelToken()
    walk = find_photos(tmp_path, cancel)
    next(walk)
    cancel.cancel()
    with pytest.raises(CancelledError):
        list(walk)


def test_a_folder_vanishing_during_the_walk_is_told(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg")
    gone = touch(tmp_path / "sub/b.jpg")
    walk = find_photos(tmp_path)
    next(walk)
    gone.unlink()
    gone.parent.rmdir()
    (item,) = walk
    assert isinstance(item, Unlistable)
    assert "not there" in item.error.message
