"""A server on the loopback that plays the model hub and a mirror, and misbehaves on demand."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from geotagger.models.disk import git_sha1

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_LFS = (".safetensors", ".bin")


@dataclass
class Behaviour:
    """How the server treats the files whose name matches.

    ``fail_first`` answers so many requests with ``status``; ``cut_at`` ends the first ``cuts``
    bodies after so many bytes; ``spoil`` changes a byte of every body; ``ranges`` False ignores
    the Range header; ``lie_about_size`` adds to the stated length; ``missing`` answers 404;
    ``pause_at`` stops a body after so many bytes until `Server.go_on` is set; ``no_length`` sends
    chunks of no stated length; ``packed`` claims a Content-Encoding.
    """

    fail_first: int = 0
    status: int = 500
    cut_at: int = -1
    cuts: int = 1
    spoil: bool = False
    ranges: bool = True
    lie_about_size: int = 0
    missing: bool = False
    pause_at: int = -1
    no_length: bool = False
    packed: bool = False
    redirect: str = ""


@dataclass(frozen=True)
class Request:
    """One request that came, and how many bytes of a body went out."""

    method: str
    path: str
    range: str
    headers: dict[str, str]
    sent: list[int] = field(default_factory=lambda: [0])


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Let clients that hang up go without a word."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Server:
    """Serves a folder of repositories (``owner/name/file``) as hub, and as plain files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.behaviour: dict[str, Behaviour] = {}
        self.requests: list[Request] = []
        self.go_on = threading.Event()
        self.paused = threading.Event()
        self.listing: Callable[[list[dict[str, object]]], object] | None = None
        self.answer_info: bytes | None = None
        self._http = _Quiet(("127.0.0.1", 0), _handler(self))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def mirror(self) -> str:
        """The address of the same files without the hub around them."""
        return f"{self.url}/mirror"

    def sent(self, name: str) -> int:
        """Return how many bytes of files of this name went out."""
        return sum(one.sent[0] for one in self.gets(name))

    def gets(self, name: str) -> list[Request]:
        """Return the requests for files of this name."""
        return [
            one
            for one in self.requests
            if one.method == "GET" and one.path.endswith(f"/{name}") and "/api/" not in one.path
        ]

    def treat(self, name: str, **how: object) -> Behaviour:
        """Set how files whose path ends so are treated."""
        self.behaviour[name] = Behaviour(**how)  # type: ignore[arg-type]
        return self.behaviour[name]

    def how(self, path: str) -> Behaviour:
        for name, behaviour in self.behaviour.items():
            if path.endswith(name):
                return behaviour
        return Behaviour()

    def serve(self) -> None:
        self._http.serve_forever(poll_interval=0.01)

    def stop(self) -> None:
        self.go_on.set()
        self._http.shutdown()
        self._http.server_close()


@contextlib.contextmanager
def serving(root: Path) -> Iterator[Server]:
    """Serve a folder as long as the context lasts."""
    server = Server(root)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()


def use_hub(patch: pytest.MonkeyPatch, server: Server) -> None:
    """Let huggingface_hub take the server for the hub, as ``HF_ENDPOINT`` would."""
    constants = "huggingface_hub.constants"
    patch.setattr(f"{constants}.ENDPOINT", server.url)
    template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
    patch.setattr(f"{constants}.HUGGINGFACE_CO_URL_TEMPLATE", template)


def write_index(folder: Path, *, version: int = 1) -> Path:
    """Write the index of a mirror, with size and checksum of every file below the folder."""
    files = {
        path.relative_to(folder).as_posix(): {
            "size": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    index = folder / "index.json"
    index.write_text(json.dumps({"format_version": version, "files": files}))
    return index


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            path = unquote(urlsplit(self.path).path)
            request = Request(
                self.command,
                path,
                self.headers.get("Range", ""),
                {key.lower(): value for key, value in self.headers.items()},
            )
            server.requests.append(request)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._route(path, request, body)

        def _route(self, path: str, request: Request, body: bool) -> None:
            how = server.how(path)
            if how.fail_first > 0:
                how.fail_first -= 1
                return self._plain(how.status, b"")
            if how.missing:
                return self._plain(404, b"not here")
            if how.redirect:
                self.send_response(302)
                self.send_header("Location", how.redirect)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return None
            if info := re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/(.+)", path):
                return self._info(info[1])
            if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
                return self._file(server.root / found[1] / found[3], how, request, body, hub=True)
            if path.startswith("/mirror/"):
                return self._file(server.root / path[8:], how, request, body, hub=False)
            return self._plain(404, b"not here")

        def _info(self, repo: str) -> None:
            folder = server.root / repo
            if server.answer_info is not None:
                return self._plain(200, server.answer_info)
            if not folder.is_dir():
                return self._plain(404, b'{"error": "Repository not found"}')
            files: list[dict[str, object]] = []
            for path in sorted(folder.iterdir()):
                data = path.read_bytes()
                entry: dict[str, object] = {"rfilename": path.name, "size": len(data)}
                if path.suffix in _LFS:
                    digest = hashlib.sha256(data).hexdigest()
                    entry["lfs"] = {"sha256": digest, "size": len(data), "pointerSize": 135}
                    entry["blobId"] = "0" * 40
                else:
                    entry["blobId"] = git_sha1(data)
                files.append(entry)
            listed = files if server.listing is None else server.listing(files)
            self._plain(200, json.dumps({"id": repo, "sha": COMMIT, "siblings": listed}).encode())
            return None

        def _file(
            self, path: Path, how: Behaviour, request: Request, body: bool, *, hub: bool
        ) -> None:
            if not path.is_file():
                return self._plain(404, b"Entry not found")
            data = path.read_bytes()
            etag = f'"{hashlib.sha256(data).hexdigest()}"'
            if how.spoil:
                data = data[:-1] + bytes([data[-1] ^ 1])
            start, wanted = 0, re.fullmatch(r"bytes=(\d+)-", request.range)
            unchanged = self.headers.get("If-Range", etag) == etag
            if wanted and how.ranges and unchanged:
                start = int(wanted[1])
                if start >= len(data):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(data)}")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return None
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            else:
                self.send_response(200)
            self.send_header("ETag", etag)
            if hub:
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("X-Linked-Etag", etag)
                self.send_header("X-Linked-Size", str(len(data)))
            if how.packed:
                self.send_header("Content-Encoding", "gzip")
            rest = data[start:]
            if how.no_length:
                self.send_header("Connection", "close")
            else:
                self.send_header("Content-Length", str(len(rest) + how.lie_about_size))
            self.end_headers()
            if body:
                self._send(rest, how, request)
            self.close_connection = self.close_connection or how.no_length
            return None

        def _send(self, rest: bytes, how: Behaviour, request: Request) -> None:
            end = len(rest)
            if 0 <= how.cut_at < end and how.cuts > 0:
                how.cuts -= 1
                end = how.cut_at
                self.close_connection = True
            place = 0
            while place < end:
                if 0 <= how.pause_at <= place and not server.go_on.is_set():
                    server.paused.set()
                    server.go_on.wait(60)
                block = rest[place : min(place + 16384, end)]
                self.wfile.write(block)
                request.sent[0] += len(block)
                place += len(block)
            if how.lie_about_size:
                self.close_connection = True

        def _plain(self, status: int, text: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(text)

    return Handler
