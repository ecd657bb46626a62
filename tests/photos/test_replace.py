"""The safe replacement of a file: links, attributes, refusals, clean folders."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import pytest

from geotagger.errors import FileChangedError, WriteError
from geotagger.photos import replace
from geotagger.photos.edits import Edit, apply, content_hash
from geotagger.photos.replace import Prepared, Step, Steps, no_steps, stamp_of
from geotagger.photos.write_errors import explain_write_error
from tests.support.writes import leftovers

OLD, NEW = b"old content " * 1000, b"new content, longer " * 1000


def build(source: BinaryIO) -> Sequence[Edit]:
    source.seek(0, os.SEEK_END)
    return [Edit(0, source.tell(), NEW)]


def accept(old: BinaryIO, new: BinaryIO) -> None:
    """Find nothing wrong."""


def prepared(path: Path, steps: Steps = no_steps, *, create: bool = False) -> Prepared:
    expected = None if create else stamp_of(path)
    return replace.prepare(
        path, token="t", expected=expected, build=build, check=accept, steps=steps
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "photo.jpg"
    made.write_bytes(OLD)
    os.utime(made, ns=(1_400_000_000_000_000_000, 1_300_000_000_123_456_789))
    return made


def test_the_steps_come_in_their_order(path: Path) -> None:
    heard: list[Step] = []
    replace.swap(prepared(path, heard.append), heard.append)
    assert heard == [
        Step.CHECKED,
        Step.TEMP_CREATED,
        Step.TEMP_WRITTEN,
        Step.TEMP_SYNCED,
        Step.VERIFIED,
        Step.REPLACED,
        Step.RESTORED,
        Step.FOLDER_SYNCED,
    ]
    assert path.read_bytes() == NEW
    assert leftovers(path.parent) == []


def test_the_file_is_untouched_until_the_swap(path: Path) -> None:
    change = prepared(path)
    assert path.read_bytes() == OLD
    assert change.temp.read_bytes() == NEW
    assert change.temp.parent == path.parent
    assert replace.discard(path, "t")
    assert leftovers(path.parent) == []
    assert not replace.discard(path, "t")


def test_hashes_and_undo_describe_both_contents(path: Path) -> None:
    change = prepared(path)
    with path.open("rb") as old, change.temp.open("rb") as new:
        assert change.old_hash == content_hash(old)
        assert change.new_hash == content_hash(new)
        with (path.parent / "back").open("wb") as back:
            apply(change.undo, new, back)
    assert (path.parent / "back").read_bytes() == OLD


def test_times_mode_and_owner_are_kept(path: Path) -> None:
    path.chmod(0o604)
    if os.geteuid() == 0:
        os.chown(path, 4711, 4712)
    before = path.stat()
    stamp = replace.swap(prepared(path))
    after = path.stat()
    assert after.st_mtime_ns == before.st_mtime_ns
    assert stat.S_IMODE(after.st_mode) == 0o604
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
    assert stamp == stamp_of(path)


@pytest.mark.parametrize("linked", [False, True])
def test_extended_attributes_are_kept(path: Path, linked: bool) -> None:
    try:
        os.setxattr(path, "user.colour", b"red")
    except (OSError, AttributeError):
        pytest.skip("this file system has no extended attributes")
    if linked:
        path.with_name("second.jpg").hardlink_to(path)
    replace.swap(prepared(path))
    assert os.getxattr(path, "user.colour") == b"red"


def test_a_symbolic_link_stays_one_and_its_target_is_written(path: Path) -> None:
    folder = path.parent / "links"
    folder.mkdir()
    (folder / "link.jpg").symlink_to("../photo.jpg")
    target = replace.resolve(folder / "link.jpg")
    replace.swap(prepared(target))
    assert (folder / "link.jpg").is_symlink()
    assert path.read_bytes() == NEW
    assert leftovers(path.parent) == []


def test_hard_links_keep_showing_the_same_file(path: Path) -> None:
    second = path.with_name("second.jpg")
    second.hardlink_to(path)
    before = path.stat()
    heard: list[Step] = []
    replace.swap(prepared(path, heard.append), heard.append)
    assert second.read_bytes() == path.read_bytes() == NEW
    after = path.stat()
    assert (after.st_ino, after.st_nlink) == (before.st_ino, 2)
    assert after.st_mtime_ns == before.st_mtime_ns
    assert [s for s in heard if s in {Step.BACKED_UP, Step.HALF_IN_PLACE}] == [
        Step.BACKED_UP,
        Step.HALF_IN_PLACE,
    ]
    assert leftovers(path.parent) == []


def test_an_error_half_through_a_hard_linked_file_puts_the_old_content_back(path: Path) -> None:
    path.with_name("second.jpg").hardlink_to(path)
    change = prepared(path)

    def fail(step: Step) -> None:
        if step is Step.HALF_IN_PLACE:
            raise OSError(errno.ENOSPC, "full")

    with pytest.raises(WriteError, match="full"):
        replace.swap(change, fail)
    assert path.read_bytes() == OLD


def test_a_backup_with_other_content_is_never_put_back(path: Path) -> None:
    path.with_name("second.jpg").hardlink_to(path)
    change = prepared(path)
    assert change.backup is not None
    change.backup.write_bytes(b"something else")
    assert not replace.put_back(path, "t", change.old_hash)
    assert path.read_bytes() == OLD


def test_a_new_file_is_made_and_a_file_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "new.xmp"
    replace.swap(prepared(path, create=True))
    assert path.read_bytes() == NEW
    change = replace.prepare(
        path, token="t", expected=stamp_of(path), build=build, check=accept, remove=True
    )
    assert path.exists()
    assert replace.swap(change) is None
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_came_into_being_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "new.xmp"
    change = prepared(path, create=True)
    path.write_bytes(b"from another program")
    with pytest.raises(FileChangedError, match="came into being"):
        replace.swap(change)
    with pytest.raises(FileChangedError, match="came into being"):
        prepared(path, create=True)
    assert path.read_bytes() == b"from another program"


@pytest.mark.parametrize("when", [Step.CHECKED, Step.TEMP_WRITTEN, Step.TEMP_SYNCED])
def test_a_file_that_changes_meanwhile_is_left_alone(path: Path, when: Step) -> None:
    def meddle(step: Step) -> None:
        if step is when:
            path.write_bytes(b"newer")

    with pytest.raises(WriteError):
        prepared(path, meddle)
    assert path.read_bytes() == b"newer"
    assert leftovers(path.parent) == []


def test_a_file_that_changes_before_the_swap_is_left_alone(path: Path) -> None:
    change = prepared(path)
    path.write_bytes(b"newer")
    with pytest.raises(FileChangedError, match="another program"):
        replace.swap(change)
    assert path.read_bytes() == b"newer"


def test_what_the_check_rejects_is_not_used(path: Path) -> None:
    def reject(old: BinaryIO, new: BinaryIO) -> None:
        assert old.seek(0) == 0
        assert old.read() == OLD
        new.seek(0)
        assert new.read() == NEW
        raise WriteError("no good", path=path)

    with pytest.raises(WriteError, match="no good"):
        replace.prepare(path, token="t", expected=stamp_of(path), build=build, check=reject)
    assert path.read_bytes() == OLD
    assert leftovers(path.parent) == []


def test_bytes_that_do_not_come_back_from_the_disk_are_noticed(path: Path) -> None:
    def rot(step: Step) -> None:
        if step is Step.TEMP_SYNCED:
            temp = replace.names(path, "t")[0]
            temp.write_bytes(NEW[:-1] + b"?")

    with pytest.raises(WriteError, match="other bytes"):
        prepared(path, rot)
    assert path.read_bytes() == OLD
    assert leftovers(path.parent) == []


def test_a_foreign_file_with_the_temporary_name_is_not_overwritten(path: Path) -> None:
    temp = replace.names(path, "t")[0]
    temp.write_bytes(b"foreign")
    with pytest.raises(WriteError):
        prepared(path)


@pytest.mark.parametrize(
    "code",
    [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO, errno.ESTALE, errno.EDQUOT, errno.ENOTTY],
)
@pytest.mark.parametrize("step", [Step.CHECKED, Step.TEMP_CREATED, Step.TEMP_SYNCED, Step.VERIFIED])
def test_every_error_of_the_system_is_told_in_words(path: Path, code: int, step: Step) -> None:
    def fail(now: Step) -> None:
        if now is step:
            raise OSError(code, os.strerror(code))

    with pytest.raises(WriteError) as caught:
        prepared(path, fail)
    assert caught.value.path == path
    assert caught.value.message
    assert caught.value.remedy
    assert path.read_bytes() == OLD
    assert leftovers(path.parent) == []


def test_a_write_protected_file_is_refused(path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("nothing is write-protected for root")
    path.chmod(0o444)
    with pytest.raises(WriteError, match="not allowed"):
        prepared(path)


def test_words_name_the_trouble() -> None:
    path = Path("photo.jpg")
    full = explain_write_error(OSError(errno.ENOSPC, "x"), path)
    assert str(full) == "photo.jpg: The disk is full. Free some space, then write again."
    assert "could not be written" in str(explain_write_error(OSError(99_999, "odd"), path))
