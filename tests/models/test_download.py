from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from geotagger.errors import ModelError
from geotagger.models import disk, download, http
from geotagger.models.disk import git_sha1, opened
from geotagger.models.download import Meter, RemoteFile, fetch, fetched_bytes, part_of
from geotagger.models.http import Patience
from geotagger.progress import CancelledError, CancelToken, Progress
from tests.support.hub import Server, serving

NAME = "model.safetensors"
QUICK = Patience(tries=3, wait_s=0.0, timeout_s=20.0)
DATA = bytes(range(256)) * 4000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "server" / "owner" / "name"
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(DATA)
    with serving(tmp_path / "server") as server:
        yield server


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "here"


def _file(server: Server, **changes: object) -> RemoteFile:
    known: dict[str, object] = {
        "name": NAME,
        "url": f"{server.mirror}/owner/name/{NAME}",
        "source": "owner/name",
        "size": len(DATA),
        "sha256": hashlib.sha256(DATA).hexdigest(),
        **changes,
    }
    return RemoteFile(**known)  # type: ignore[arg-type]


def _unchecked(server: Server, **changes: object) -> RemoteFile:
    return _file(server, size=None, sha256="", **changes)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _meter(seen: list[Progress] | None = None) -> Meter:
    return Meter("Fetching", len(DATA), None if seen is None else seen.append)


def _get(file: RemoteFile, here: Path, cancel: CancelToken | None = None) -> bytes:
    return fetch(file, here, meter=_meter(), patience=QUICK, cancel=cancel).read_bytes()


def test_a_file_comes_whole_and_under_its_name(server: Server, here: Path) -> None:
    seen: list[Progress] = []
    path = fetch(_file(server), here, meter=_meter(seen), patience=QUICK)
    assert path == here / NAME and path.read_bytes() == DATA
    assert _names(here) == [NAME]
    assert seen[-1].done == seen[-1].total == len(DATA) and seen[-1].unit == "bytes"
    assert [one.done for one in seen] == sorted(one.done for one in seen)


def test_a_complete_file_is_checked_and_not_asked_for_again(server: Server, here: Path) -> None:
    _get(_file(server), here)
    assert _get(_file(server), here) == DATA
    assert len(server.requests) == 1


@pytest.mark.parametrize("known", [True, False], ids=["checksum", "no checksum"])
def test_an_answer_cut_in_the_middle_is_gone_on_with(
    known: bool, server: Server, here: Path
) -> None:
    server.treat(NAME, cut_at=300_000)
    assert _get(_file(server) if known else _unchecked(server), here) == DATA
    assert [one.range for one in server.gets(NAME)] == ["", "bytes=300000-"]
    assert server.sent(NAME) == len(DATA), "no byte was fetched twice"


def test_a_server_without_ranges_sends_all_of_it_again(server: Server, here: Path) -> None:
    server.treat(NAME, cut_at=300_000, ranges=False)
    seen: list[Progress] = []
    fetch(_file(server), here, meter=_meter(seen), patience=QUICK)
    assert (here / NAME).read_bytes() == DATA
    assert server.sent(NAME) == len(DATA) + 300_000
    assert seen[-1].done == len(DATA)


def test_a_server_without_ranges_that_always_breaks_off_is_given_up(
    server: Server, here: Path
) -> None:
    server.treat(NAME, cut_at=300_000, cuts=100, ranges=False)
    with pytest.raises(http.UnreachableError, match="could not be fetched"):
        _get(_file(server), here)
    assert len(server.gets(NAME)) <= 2 * QUICK.tries


def test_a_server_that_breaks_off_often_is_borne_as_long_as_something_comes(
    server: Server, here: Path
) -> None:
    server.treat(NAME, cut_at=50_000, cuts=15)
    assert _get(_file(server), here) == DATA
    assert server.sent(NAME) == len(DATA)


def test_a_cancelled_file_goes_on_where_it_stopped(server: Server, here: Path) -> None:
    token = CancelToken()
    seen = 0

    def stop_at_half(progress: Progress) -> None:
        nonlocal seen
        seen = progress.done
        if progress.done > len(DATA) // 2:
            token.cancel()

    meter = Meter("Fetching", len(DATA), stop_at_half)
    with pytest.raises(CancelledError):
        fetch(_file(server), here, meter=meter, patience=QUICK, cancel=token)
    kept = fetched_bytes(_file(server), here)
    assert kept == seen > len(DATA) // 2
    assert not (here / NAME).exists()
    assert _get(_file(server), here) == DATA
    assert server.gets(NAME)[-1].range == f"bytes={kept}-"


def test_wrong_bytes_are_thrown_away_and_told(server: Server, here: Path) -> None:
    server.treat(NAME, spoil=True)
    with pytest.raises(ModelError, match="checksum"):
        _get(_file(server), here)
    assert _names(here) == []
    assert len(server.gets(NAME)) == 1


def test_a_part_that_a_crash_spoilt_is_fetched_anew(server: Server, here: Path) -> None:
    file = _file(server)
    here.mkdir()
    part_of(file, here).write_bytes(bytes(400_000))
    assert _get(file, here) == DATA
    assert [one.range for one in server.gets(NAME)] == ["bytes=400000-", ""]


def test_a_part_of_another_version_is_dropped(server: Server, here: Path) -> None:
    old = _file(server, sha256="f" * 64)
    here.mkdir()
    part_of(old, here).write_bytes(DATA[:1000])
    assert _get(_file(server), here) == DATA
    assert _names(here) == [NAME]
    assert server.gets(NAME)[0].range == ""


def test_without_a_checksum_a_changed_file_is_not_mixed_with_the_old(
    server: Server, here: Path
) -> None:
    server.treat(NAME, cut_at=300_000, cuts=QUICK.tries + 1, ranges=False)
    with pytest.raises(http.UnreachableError):
        _get(_unchecked(server), here)
    server.treat(NAME)
    other = bytes(reversed(DATA))
    (server.root / "owner" / "name" / NAME).write_bytes(other)
    assert fetched_bytes(_unchecked(server), here) == 300_000
    assert _get(_unchecked(server), here) == other


def test_without_a_checksum_a_part_of_unknown_origin_is_not_used(
    server: Server, here: Path
) -> None:
    here.mkdir()
    part_of(_unchecked(server), here).write_bytes(b"x" * 1000)
    assert _get(_unchecked(server), here) == DATA


def test_without_a_checksum_a_complete_file_is_asked_about_but_not_sent_again(
    server: Server, here: Path
) -> None:
    _get(_unchecked(server), here)
    assert _get(_unchecked(server), here) == DATA
    assert server.sent(NAME) == len(DATA)


def test_a_server_that_fails_now_and_then_is_asked_again(server: Server, here: Path) -> None:
    server.treat(NAME, fail_first=2, status=503)
    assert _get(_file(server), here) == DATA


@pytest.mark.parametrize("status", [500, 429])
def test_a_server_that_fails_for_long_is_given_up(status: int, server: Server, here: Path) -> None:
    server.treat(NAME, fail_first=99, status=status)
    with pytest.raises(http.UnreachableError, match=f"HTTP {status}") as caught:
        _get(_file(server), here)
    assert len(server.gets(NAME)) == QUICK.tries
    assert "goes on where it stopped" in caught.value.remedy


@pytest.mark.parametrize(
    ("status", "words"), [(403, "to everyone"), (401, "to everyone"), (400, "refuses")]
)
def test_a_refusal_is_told_at_once(status: int, words: str, server: Server, here: Path) -> None:
    server.treat(NAME, fail_first=99, status=status)
    with pytest.raises(ModelError, match=words):
        _get(_file(server), here)
    assert len(server.gets(NAME)) == 1


def test_a_missing_file_is_told_apart(server: Server, here: Path) -> None:
    server.treat(NAME, missing=True)
    with pytest.raises(http.NotThereError, match=NAME):
        _get(_file(server), here)
    assert len(server.gets(NAME)) == 1


def test_nobody_listening_is_told(server: Server, here: Path) -> None:
    # Port 1 of the loopback: nothing listens there.
    with pytest.raises(http.UnreachableError, match="could not be fetched"):
        _get(_file(server, url="http://127.0.0.1:1/x"), here)


@pytest.mark.parametrize("url", ["http://[::1", "http://127.0.0.1:x/", "ftp://127.0.0.1/x"])
def test_an_address_that_is_none_is_told(url: str, server: Server, here: Path) -> None:
    with pytest.raises(ModelError):
        _get(_file(server, url=url), here)


def test_another_size_than_stated_is_refused(server: Server, here: Path) -> None:
    with pytest.raises(ModelError, match="bytes, not the"):
        _get(_file(server, size=len(DATA) - 1), here)


def test_a_file_over_its_limit_is_refused_before_it_is_fetched(server: Server, here: Path) -> None:
    # Nobody lets the server go on: what comes before is on the way already.
    server.treat(NAME, pause_at=100_000)
    for file in (_file(server, limit=1000), _unchecked(server, limit=1000)):
        with pytest.raises(ModelError, match="more than the"):
            _get(file, here)
        assert fetched_bytes(file, here) == 0


def test_a_file_of_unknown_length_ends_at_its_limit(server: Server, here: Path) -> None:
    server.treat(NAME, no_length=True)
    with pytest.raises(ModelError, match="sends more"):
        _get(_unchecked(server, limit=100_000), here)
    assert fetched_bytes(_unchecked(server), here) <= 100_000
    assert _get(_unchecked(server), here) == DATA


def test_a_packed_answer_is_refused(server: Server, here: Path) -> None:
    server.treat(NAME, packed=True)
    with pytest.raises(ModelError, match="packs"):
        _get(_file(server), here)


def test_a_length_that_is_never_reached_does_not_go_on_for_ever(server: Server, here: Path) -> None:
    server.treat(NAME, lie_about_size=10)
    with pytest.raises(ModelError, match="bytes, not the"):
        _get(_file(server), here)
    assert not (here / NAME).exists()
    # Asked for the rest, the server says how long the file really is.
    assert _get(_unchecked(server), here) == DATA


def test_too_little_space_is_seen_before(
    server: Server, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "_MARGIN", 1 << 60)
    with pytest.raises(ModelError, match="too little space"):
        _get(_file(server), here)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_disk_that_fills_up_keeps_what_is_there(
    server: Server, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.mkdir()
    part_of(_file(server), here).write_bytes(DATA[:300_000])
    with monkeypatch.context() as patch:
        patch.setattr(download, "opened", lambda path: opened(Path("/dev/full")))
        with pytest.raises(ModelError, match="No space left") as caught:
            _get(_file(server), here)
    assert "free space" in caught.value.remedy
    assert fetched_bytes(_file(server), here) == 300_000
    assert _get(_file(server), here) == DATA
    assert server.gets(NAME)[-1].range == "bytes=300000-"


def test_a_file_on_this_computer_is_taken_without_a_request(
    server: Server, here: Path, tmp_path: Path
) -> None:
    local = tmp_path / "cached"
    local.write_bytes(DATA)
    assert _get(_file(server, local=local), here) == DATA
    assert server.requests == []
    local.write_bytes(DATA + b"x")
    (here / NAME).unlink()
    with pytest.raises(ModelError, match="checksum"):
        _get(_file(server, local=local), here)


def test_a_second_name_of_somebody_elses_file_never_grows(
    server: Server, here: Path, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_bytes(DATA[:1000])
    here.mkdir()
    os.link(theirs, part_of(_file(server), here))
    assert _get(_file(server), here) == DATA
    assert theirs.read_bytes() == DATA[:1000]


def test_the_names_that_git_gives_are_checked(server: Server, here: Path) -> None:
    # "hello\n" is e965047ad7c57865823c7d992b1d046ea66edf78 in every git repository.
    assert git_sha1(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"
    assert _get(_file(server, sha256="", git_sha1=git_sha1(DATA)), here) == DATA
    with pytest.raises(ModelError, match="checksum"):
        _get(_file(server, sha256="", git_sha1="0" * 40), here)


def test_a_request_tells_nothing_but_the_program(
    server: Server, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    _get(_file(server), here)
    sent = server.requests[0].headers
    assert sent["user-agent"].startswith("photo-geotagger/")
    assert "authorization" not in sent
    _get(_file(server, name="other", with_token=True), here)
    assert server.requests[1].headers["authorization"] == "Bearer secret"
