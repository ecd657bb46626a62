"""Where the files of a known model can be had: the model hub, a mirror, a folder.

A mirror is any http or https folder in which the files lie as ``owner/name/file``. If it has an
``index.json`` -- ``{"format_version": 1, "files": {"owner/name/file": {"size": bytes, "sha256":
hex}}}`` -- sizes and checksums are taken from it; without one a file is believed as far as its
structure and the model's self-check go. A folder is laid out the same way, or as ``name/file``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from geotagger.errors import ModelError
from geotagger.models import http
from geotagger.models.download import Meter, RemoteFile, fetch
from geotagger.models.http import Patience
from geotagger.models.known import FETCHED_SUFFIXES, MODEL_SUFFIXES
from geotagger.progress import CancelToken

INDEX_NAME = "index.json"
INDEX_FORMAT = 1

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ANSWER_LIMIT = 16 << 20


class Source(Protocol):
    """A place where files of repositories are."""

    label: str
    online: bool

    def find(self, repo_id: str, revision: str, name: str, limit: int) -> RemoteFile | None:
        """Return what is known of a file before it is fetched, None if it is not there.

        Raises
        ------
        ModelError
            The place cannot be reached or gives no sense.
        """
        ...


def checked_name(name: Any, suffixes: tuple[str, ...] = FETCHED_SUFFIXES) -> str:
    """Return a file's name if it is of a kind that may be fetched and stays inside a folder.

    Raises
    ------
    ModelError
        It leads elsewhere or is of a kind that is never fetched.
    """
    if not isinstance(name, str) or not _FILE_NAME.fullmatch(name):
        raise ModelError(f"{name!r} cannot name a file of a model.")
    if not name.lower().endswith(suffixes):
        raise ModelError(
            f"{name!r} is of a kind that is never fetched.",
            remedy=f"Only these are: {', '.join(suffixes)}.",
        )
    return name


def checked_revision(text: Any) -> str:
    """Return the name of a branch, tag or commit.

    Raises
    ------
    ModelError
        It is none.
    """
    if not isinstance(text, str) or not _REVISION.fullmatch(text):
        raise ModelError(f"{text!r} is no revision of a model.")
    return text


class HubSource:
    """The model hub that huggingface_hub is set up for.

    What lies in huggingface_hub's cache is taken from there; nothing is put into it. With
    ``offline``, or if the user's settings say so, the cache is all there is.
    """

    def __init__(
        self,
        *,
        endpoint: str | None = None,
        cache: Path | None = None,
        offline: bool = False,
        patience: Patience | None = None,
        cancel: CancelToken | None = None,
    ) -> None:
        from huggingface_hub import constants

        self.label = "the model hub"
        self.online = not (offline or http.settings_say_offline())
        self._endpoint = (endpoint or constants.ENDPOINT).rstrip("/")
        self._cache = cache
        self._patience = patience or Patience()
        self._cancel = cancel or CancelToken()
        self._listings: dict[tuple[str, str], tuple[str, dict[str, dict[str, Any]]]] = {}

    def find(self, repo_id: str, revision: str, name: str, limit: int) -> RemoteFile | None:
        """Return the file of the revision's present commit; see `Source.find`."""
        from huggingface_hub import hf_hub_url

        checked_name(name)
        if not self.online:
            return self._cached(repo_id, revision, name, limit)
        commit, files = self._listing(repo_id, checked_revision(revision))
        entry = files.get(name)
        if entry is None:
            return None
        size, sha256, sha1 = _stated(entry, name)
        return RemoteFile(
            name,
            hf_hub_url(repo_id, name, revision=commit, endpoint=self._endpoint),
            f"{repo_id}@{commit}/{name}",
            size=size,
            sha256=sha256,
            git_sha1=sha1,
            limit=limit,
            local=self._in_cache(repo_id, commit, name, size),
            with_token=True,
        )

    def _in_cache(self, repo_id: str, revision: str, name: str, size: int | None) -> Path | None:
        """Return the file in huggingface_hub's cache, if it is whole."""
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(repo_id, name, cache_dir=self._cache, revision=revision)
        path = Path(found) if isinstance(found, str) else None
        if path is None or not path.is_file():
            return None
        return path if size is None or path.stat().st_size == size else None

    def _cached(self, repo_id: str, revision: str, name: str, limit: int) -> RemoteFile | None:
        path = self._in_cache(repo_id, revision, name, None)
        if path is None:
            return None
        # The cache calls its files by the checksum that the hub stated for them.
        known = path.resolve().name
        return RemoteFile(
            name,
            "",
            f"{repo_id}@{revision}/{name}",
            size=path.stat().st_size,
            sha256=known if _SHA256.fullmatch(known) else "",
            git_sha1=known if _COMMIT.fullmatch(known) else "",
            limit=limit,
            local=path,
        )

    def _listing(self, repo_id: str, revision: str) -> tuple[str, dict[str, dict[str, Any]]]:
        """Return the commit of a revision and what the hub states of its files."""
        key = (repo_id, revision)
        if key not in self._listings:
            url = f"{self._endpoint}/api/models/{repo_id}/revision/{quote(revision, safe='')}"
            raw = self._ask(url, f"the list of files of {repo_id}")
            commit = raw.get("sha") if isinstance(raw, dict) else None
            siblings = raw.get("siblings") if isinstance(raw, dict) else None
            if (
                not isinstance(commit, str)
                or not _COMMIT.fullmatch(commit)
                or not isinstance(siblings, list)
            ):
                raise _no_sense(repo_id)
            files = {
                entry["rfilename"]: entry
                for entry in siblings
                if isinstance(entry, dict) and isinstance(entry.get("rfilename"), str)
            }
            self._listings[key] = commit, files
        return self._listings[key]

    def _ask(self, url: str, what: str) -> Any:
        failures = 0
        while True:
            self._cancel.raise_if_cancelled()
            try:
                answer = http.client().get(
                    url,
                    params={"blobs": "true"},
                    headers=http.headers(with_token=True),
                    timeout=http.timeout(self._patience),
                )
                error = http.refused(answer.status_code, what)
                if error is not None:
                    raise error
                if answer.status_code == 200:
                    if len(answer.content) > _ANSWER_LIMIT:
                        raise _no_sense(what)
                    return json.loads(answer.content)
                why = f"HTTP {answer.status_code}"
            except http.address_errors() as error_:
                raise ModelError(f"{self._endpoint!r} is no address: {error_}.") from error_
            except http.transport_errors() as error_:
                why = f"{type(error_).__name__}: {error_}".rstrip(": ")
            except (ValueError, RecursionError) as error_:
                raise _no_sense(what) from error_
            failures += 1
            if failures >= self._patience.tries:
                raise http.unreachable(what, why)
            self._cancel.wait(self._patience.pause(failures))


class MirrorSource:
    """A plain folder on a web server."""

    def __init__(
        self,
        address: str,
        scratch: Path,
        *,
        offline: bool = False,
        patience: Patience | None = None,
        cancel: CancelToken | None = None,
    ) -> None:
        self.label = self.address = http.checked_address(address)
        self.online = not (offline or http.settings_say_offline())
        if not self.online:
            raise http.offline("The model")
        self._index = self._read_index(scratch, patience or Patience(), cancel)

    @property
    def has_index(self) -> bool:
        """Whether the mirror states sizes and checksums."""
        return self._index is not None

    def find(self, repo_id: str, revision: str, name: str, limit: int) -> RemoteFile | None:
        """Return the file below the mirror's address; see `Source.find`."""
        # Without a repository the mirror is a model folder, checked by its own config.json.
        name = checked_name(name, FETCHED_SUFFIXES if repo_id else MODEL_SUFFIXES)
        where = f"{repo_id}/{name}" if repo_id else name
        size, sha256 = None, ""
        if self._index is not None:
            entry = self._index.get(where)
            if entry is None:
                return None
            size, sha256 = entry
        url = f"{self.address}/{quote(where)}"
        return RemoteFile(name, url, url, size=size, sha256=sha256, limit=limit)

    def _read_index(
        self, scratch: Path, patience: Patience, cancel: CancelToken | None
    ) -> dict[str, tuple[int, str]] | None:
        url = f"{self.address}/{INDEX_NAME}"
        file = RemoteFile(INDEX_NAME, url, url, limit=_ANSWER_LIMIT)
        meter = Meter("Reading the index", 0, None)
        (scratch / INDEX_NAME).unlink(missing_ok=True)
        try:
            path = fetch(file, scratch, meter=meter, patience=patience, cancel=cancel)
        except http.NotThereError:
            return None
        try:
            raw = json.loads(path.read_bytes())
        except (ValueError, RecursionError) as error:
            raise _bad_index(url, "it is not JSON") from error
        return _checked_index(raw, url)


class FolderSource:
    """A folder on this computer, with the files as a mirror has them."""

    def __init__(self, folder: Path) -> None:
        self.label = str(folder)
        self.online = False
        self._folder = folder

    def find(self, repo_id: str, revision: str, name: str, limit: int) -> RemoteFile | None:
        """Return the file in the folder; see `Source.find`."""
        checked_name(name)
        for place in (self._folder / repo_id, self._folder / repo_id.rpartition("/")[2]):
            path = place / name
            if path.is_file():
                size = path.stat().st_size
                return RemoteFile(name, "", str(path), size=size, limit=limit, local=path)
        return None


def _stated(entry: dict[str, Any], name: str) -> tuple[int, str, str]:
    """Return size, SHA-256 and git's name of a file, one of both checksums empty.

    Raises
    ------
    ModelError
        The hub states no checksum that could be held against what comes.
    """
    lfs, blob = entry.get("lfs"), entry.get("blobId")
    sha256 = lfs.get("sha256") if isinstance(lfs, dict) else None
    size = lfs.get("size") if isinstance(lfs, dict) else entry.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise _no_sense(name)
    if isinstance(sha256, str) and _SHA256.fullmatch(sha256):
        return size, sha256, ""
    if lfs is None and isinstance(blob, str) and _COMMIT.fullmatch(blob):
        return size, "", blob
    raise ModelError(f"The hub states no checksum for {name}.", remedy="Try again later.")


def _checked_index(raw: Any, url: str) -> dict[str, tuple[int, str]]:
    version = raw.get("format_version") if isinstance(raw, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise _bad_index(url, "it states no format_version")
    if version > INDEX_FORMAT:
        raise ModelError(
            f"The mirror's index is of the format {version}, newer than this program.",
            remedy="Update the program.",
        )
    files = raw.get("files")
    if not isinstance(files, dict):
        raise _bad_index(url, "it lists no files")
    found = {}
    for where, entry in files.items():
        size = entry.get("size") if isinstance(entry, dict) else None
        digest = entry.get("sha256") if isinstance(entry, dict) else None
        if not all(_FILE_NAME.fullmatch(part) for part in where.split("/")):
            raise _bad_index(url, f"{where!r} leads elsewhere")
        if (
            not isinstance(size, int)
            or isinstance(size, bool)
            or size < 0
            or not isinstance(digest, str)
            or not _SHA256.fullmatch(digest.lower())
        ):
            raise _bad_index(url, f"{where!r} has no size or no checksum")
        found[where] = (size, digest.lower())
    return found


def _bad_index(url: str, why: str) -> ModelError:
    return ModelError(f"The mirror's index {url} is damaged: {why}.", remedy="Tell its keeper.")


def _no_sense(what: str) -> ModelError:
    return ModelError(
        f"The hub's answer about {what} makes no sense.",
        remedy="Check HF_ENDPOINT and the proxy, or try again later.",
    )
