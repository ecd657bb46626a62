"""Fetch one file so that nothing fetched is lost: resumed after a kill, checked, then named.

A file grows as ``NAME.HASH.part`` and gets its name only when it is complete and its checksum is
right. What is there when the program is killed or cancelled is asked for no second time: the next
call asks the server for the rest alone (RFC 9110, section 14). A server that does not know ranges
sends all of it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geotagger.errors import ModelError
from geotagger.models import http
from geotagger.models.disk import (
    check_space,
    disk_error,
    git_sha1,
    megabytes,
    opened,
    sync,
    take_local,
    unlink,
    write_block,
)
from geotagger.models.http import Patience
from geotagger.models.weights import sha256_of
from geotagger.progress import CancelToken, Progress, ProgressCallback, RateMeter

PART = ".part"
_VALIDATOR = ".validator"
_USUAL = Patience()


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file and what is known of it before it is fetched.

    Attributes
    ----------
    name
        What it will be called, no path.
    url
        Where it is; empty where ``local`` is set.
    source
        What is told of where it came from.
    size
        Bytes, None where only the server's answer will tell.
    sha256, git_sha1
        Its checksum, one of both or none: of the content, or of the content as git names it.
    limit
        Bytes above which it is refused.
    local
        A file on this computer that is it already.
    with_token
        Whether the user's token for the hub goes along.
    required
        Whether the model is incomplete without it.
    """

    name: str
    url: str
    source: str
    size: int | None = None
    sha256: str = ""
    git_sha1: str = ""
    limit: int = 1 << 40
    local: Path | None = None
    with_token: bool = False
    required: bool = True

    @property
    def has_checksum(self) -> bool:
        """Whether what comes can be checked."""
        return bool(self.sha256 or self.git_sha1)


class Meter:
    """Tells how far several files are, as one number of bytes, with rate and time left."""

    def __init__(self, what: str, total: int, progress: ProgressCallback | None) -> None:
        self._what = what
        self._total = total
        self._progress = progress
        self._done = 0
        self._fetched = 0
        self._rate = RateMeter()

    def add(self, count: int, *, fetched: bool, name: str) -> None:
        """Count bytes; those that were there already do not make it look fast."""
        self._done += count
        self._fetched += count if fetched else 0
        self._tell(name)

    def grow(self, count: int) -> None:
        """Count bytes to do that only the server's answer told."""
        self._total += count

    def _tell(self, name: str) -> None:
        if self._progress is not None:
            rate = self._rate.take(max(self._fetched, 0))
            total = max(self._total, self._done)
            self._progress(Progress(self._done, total, self._what, name, rate, "bytes"))


def part_of(file: RemoteFile, folder: Path) -> Path:
    """Return where the file grows: another checksum is another file."""
    known = file.sha256 or file.git_sha1
    return folder / f"{file.name}{'.' + known[:16] if known else ''}{PART}"


def fetched_bytes(file: RemoteFile, folder: Path) -> int:
    """Return how many bytes of a file are in the folder."""
    for path in (folder / file.name, part_of(file, folder)):
        if path.is_file():
            return path.stat().st_size
    return 0


def fetch(
    file: RemoteFile,
    folder: Path,
    *,
    meter: Meter,
    patience: Patience = _USUAL,
    cancel: CancelToken | None = None,
) -> Path:
    """Return the file in the folder, complete and as its checksum says.

    Raises
    ------
    ModelError
        The server has no such file or fails for too long, the file is larger than allowed or not
        what the checksum says, or the disk is full; a `geotagger.models.http` class tells which.
    CancelledError
        The token was cancelled; a later call goes on.
    """
    final, part = folder / file.name, part_of(file, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if final.is_file():
            # Without a checksum the server has to say whether that is still all of it.
            final.replace(part)
        _drop_other_parts(file, folder, part)
        if file.local is not None:
            part.unlink(missing_ok=True)
            take_local(file.local, part, cancel)
            meter.add(part.stat().st_size, fetched=False, name=file.name)
    except OSError as error:
        raise disk_error(error, folder) from error
    resumed = fetched_bytes(file, folder) > 0 and file.local is None
    if file.local is None:
        _Transfer(file, part, meter, patience, cancel).run()
    if not _is_right(file, part, cancel):
        came = part.stat().st_size
        unlink(part)
        if resumed:
            # What lay there may have been spoilt by a crash; a second look costs one more download.
            meter.add(-came, fetched=False, name=file.name)
            return fetch(file, folder, meter=meter, patience=patience, cancel=cancel)
        raise ModelError(
            f"{file.name} is not what it should be (the checksum differs).",
            remedy="Try again later or from another place: what came was thrown away.",
        )
    try:
        part.replace(final)
    except OSError as error:
        raise disk_error(error, folder) from error
    return final


class _Transfer:
    """Brings one file to its full length, over as many requests as it takes."""

    def __init__(
        self,
        file: RemoteFile,
        part: Path,
        meter: Meter,
        patience: Patience,
        cancel: CancelToken | None,
    ) -> None:
        self._file = file
        self._part = part
        self._validator = part.with_name(part.name + _VALIDATOR)
        self._meter = meter
        self._patience = patience
        self._cancel = cancel
        self._have = 0
        self._size = file.size
        if file.size is not None:
            self._check_limit(file.size)

    def run(self) -> None:
        """Fetch what lacks."""
        self._have = self._part.stat().st_size if self._part.is_file() else 0
        file = self._file
        shared = self._have > 0 and self._part.stat().st_nlink > 1
        if shared or (self._size is not None and self._have > self._size):
            # A second name of somebody else's file must not grow.
            self._start_over()
        if not file.has_checksum and self._have and not self._validator.is_file():
            # Nothing could tell whether old and new bytes belong together.
            self._start_over()
        self._meter.add(self._have, fetched=False, name=file.name)
        failures, furthest, why = 0, self._have, "no answer"
        # A file with a checksum that is complete needs no request at all.
        while not (file.has_checksum and self._have == self._size):
            self._raise_if_cancelled()
            try:
                if self._request():
                    return
                why = "the answer stopped before the end"
            except _TryAgain as error:
                why = str(error)
            except http.address_errors() as error:
                raise ModelError(f"{file.url!r} is no address: {error}.") from error
            except http.transport_errors() as error:
                why = f"{type(error).__name__}: {error}".rstrip(": ")
            failures = failures + 1 if self._have <= furthest else 1
            furthest = max(furthest, self._have)
            if failures >= self._patience.tries:
                raise http.unreachable(file.name, why)
            self._pause(self._patience.pause(failures))

    def _request(self) -> bool:
        """Ask for the rest and write it; return whether the file is complete."""
        from huggingface_hub.errors import OfflineModeIsEnabled

        ask = http.headers(with_token=self._file.with_token)
        if self._have:
            ask["range"] = f"bytes={self._have}-"
            if not self._file.has_checksum:
                ask["if-range"] = self._validator.read_text(encoding="ascii")
        try:
            with http.client().stream(
                "GET", self._file.url, headers=ask, timeout=http.timeout(self._patience)
            ) as answer:
                return self._take(answer)
        except OfflineModeIsEnabled as error:
            raise http.offline(self._file.name) from error

    def _take(self, answer: Any) -> bool:
        file, status = self._file, int(answer.status_code)
        if file.url.startswith("https:") and answer.url.scheme != "https":
            raise ModelError(f"The server leads from https to http for {file.name}.")
        if status == 416:
            total = _total_of_range(answer.headers.get("content-range", ""))
            if total is not None and total == self._have:
                return True
            self._start_over()
            raise _TryAgain("the server has less of it than before")
        error = http.refused(status, file.name)
        if error is not None:
            raise error
        if status not in (200, 206):
            raise _TryAgain(f"the server answers HTTP {status}")
        if answer.headers.get("content-encoding", "identity").lower() != "identity":
            raise ModelError(f"The server packs {file.name} although it was asked not to.")
        if status == 200:
            if self._have:
                self._start_over()
            total = _number(answer.headers.get("content-length", ""))
        else:
            begin, total = _begin_of_range(answer.headers.get("content-range", ""))
            if begin != self._have:
                raise ModelError(f"The server sends another piece of {file.name} than asked for.")
        self._learn(total, answer.headers)
        self._write(answer.iter_raw())
        return self._size is None or self._have == self._size

    def _learn(self, total: int | None, found: Any) -> None:
        """Hold the size that the server tells against what is known, and look for room."""
        if total is not None:
            if self._size is None:
                self._check_limit(total)
                self._meter.grow(total)
            elif total != self._size:
                raise ModelError(
                    f"{self._file.name} has {total:,} bytes, not the {self._size:,} that it "
                    "should have.",
                    remedy="Try again later or from another place.",
                )
            self._size = total
        check_space((self._size or 0) - self._have, self._part.parent)
        validator = found.get("etag", "")
        usable = validator and not validator.startswith("W/") and validator.isascii()
        validator = validator if usable else found.get("last-modified", "")
        try:
            if validator and not self._file.has_checksum:
                self._validator.write_text(validator, encoding="ascii")
            else:
                self._validator.unlink(missing_ok=True)
        except OSError as error:
            raise disk_error(error, self._part) from error

    def _write(self, blocks: Iterator[bytes]) -> None:
        with opened(self._part) as file:
            for block in blocks:
                self._raise_if_cancelled()
                most = self._file.limit if self._size is None else self._size
                if self._have + len(block) > most:
                    raise ModelError(
                        f"The server sends more of {self._file.name} than it should have."
                    )
                write_block(file, block, self._part)
                self._have += len(block)
                self._meter.add(len(block), fetched=True, name=self._file.name)
            sync(file, self._part)

    def _start_over(self) -> None:
        self._meter.add(-self._have, fetched=True, name=self._file.name)
        self._have = 0
        unlink(self._part)
        unlink(self._validator)

    def _check_limit(self, size: int) -> None:
        if size > self._file.limit:
            raise ModelError(
                f"{self._file.name} has {megabytes(size)}, more than the "
                f"{megabytes(self._file.limit)} that it may have."
            )

    def _pause(self, seconds: float) -> None:
        (self._cancel or CancelToken()).wait(seconds)

    def _raise_if_cancelled(self) -> None:
        if self._cancel is not None:
            self._cancel.raise_if_cancelled()


class _TryAgain(Exception):  # noqa: N818 - no failure, the next request may bring it
    """The answer does not help, the next one may."""


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _begin_of_range(text: str) -> tuple[int | None, int | None]:
    """Return where an answer's piece begins and how long the whole is."""
    span, _, total = text.removeprefix("bytes ").partition("/")
    return _number(span.partition("-")[0]), _number(total)


def _total_of_range(text: str) -> int | None:
    return _begin_of_range(text)[1]


def _drop_other_parts(file: RemoteFile, folder: Path, part: Path) -> None:
    """Remove what was begun of another version of the file."""
    for other in folder.glob(f"{file.name}.*{PART}*"):
        if not other.name.startswith(part.name):
            other.unlink(missing_ok=True)


def _is_right(file: RemoteFile, path: Path, cancel: CancelToken | None) -> bool:
    if file.sha256:
        return sha256_of(path, cancel=cancel) == file.sha256.lower()
    if file.git_sha1:
        data = path.read_bytes()
        return git_sha1(data) == file.git_sha1.lower()
    return True
