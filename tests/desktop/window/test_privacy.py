"""A whole session touches no network, and the page about it tells what is kept where."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from desktop.settings.privacy import PrivacyDialog
from desktop.write.preview import PreviewDialog
from desktop.write.results import ResultsDialog
from geotagger.library.rows import PhotoState
from tests.desktop.window.conftest import Desk

S, K = PhotoState, Qt.Key
_WATCHED = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind",
            "socket.getaddrinfo", "socket.gethostbyname")  # fmt: skip


_IPV6_AT_ALL = ("socket.bind", (("::1", 0),))
"""urllib3 tries, when it is loaded, whether the machine has IPv6; nothing goes anywhere."""


class Watch:
    """What of the network was touched: by Python here, and by any process started from here."""

    def __init__(self) -> None:
        self.on = False
        self.touched: set[str] = set()
        self.looked = 0

    def hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.on or event not in _WATCHED:
            return
        first = arguments[0]
        if isinstance(first, socket.socket) and first.family not in (
            socket.AF_INET, socket.AF_INET6,
        ):  # fmt: skip
            return
        if (event, arguments[1:]) == _IPV6_AT_ALL:
            return
        self.touched.add(f"{event} {arguments[1:]!r}")

    def look(self) -> None:
        """Note the internet sockets that this process and its descendants hold."""
        held = _internet_sockets()
        for process in _family(os.getpid()):
            for number in _sockets_of(process):
                if number in held:
                    self.touched.add(f"process {process}: {held[number]}")
        self.looked += 1


def _internet_sockets() -> dict[str, str]:
    """Return the sockets of the machine by inode: protocol, own and other address."""
    found = {}
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        lines = Path(f"/proc/net/{protocol}").read_text().splitlines()[1:]
        for fields in map(str.split, lines):
            found[fields[9]] = f"{protocol} {fields[1]} {fields[2]}"
    return found


def _family(root: int) -> list[int]:
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                after_name = (folder / "stat").read_text().rpartition(")")[2]
                parents[int(folder.name)] = int(after_name.split()[1])
    family = [root]
    for one in family:
        family += [process for process, parent in parents.items() if parent == one]
    return family


def _sockets_of(process: int) -> Iterator[str]:
    try:
        for link in Path(f"/proc/{process}/fd").iterdir():
            target = str(link.readlink())
            if target.startswith("socket:["):
                yield target[8:-1]
    except OSError:
        return


_WATCH = Watch()
_HOOKED = False


@contextmanager
def watching() -> Iterator[Watch]:
    """Watch as long as the context lasts."""
    global _HOOKED
    if not _HOOKED:
        sys.addaudithook(_WATCH.hear)
        _HOOKED = True
    _WATCH.touched.clear()
    ended = threading.Event()

    def keep_looking() -> None:
        while not ended.wait(0.05):
            _WATCH.look()

    looker = threading.Thread(target=keep_looking)
    _WATCH.on = True
    looker.start()
    try:
        yield _WATCH
    finally:
        _WATCH.on = False
        ended.set()
        looker.join()
        _WATCH.look()


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="no /proc")
def test_the_watch_sees_what_it_is_to_see() -> None:
    with watching() as watch, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        watch.look()
    assert any(one.startswith("socket.bind") for one in watch.touched)
    assert any(one.startswith(f"process {os.getpid()}: tcp 0100007F") for one in watch.touched)


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="no /proc")
def test_a_whole_session_touches_no_network() -> None:
    # In a process of its own: what other tests loaded, as Ray, may hold connections or make them.
    alone = ("-p", "no:xdist", "-p", "no:cacheprovider", "-o", "python_functions=watched_*")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *alone, __file__],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
        env={name: value for name, value in os.environ.items() if "PYTEST" not in name},
        timeout=600,
    )
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]
    assert "1 passed" in ran.stdout


def watched_session(desk: Desk, album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open, review, write and close; run by the test above."""
    # With the model that comes with the program, whose process is watched as well.
    monkeypatch.delenv("GEOTAGGER_MODEL")
    with watching() as watch:
        window = desk.open(album)
        desk.go_to(window, "DSC_0101.jpg")
        desk.key(window, K.Key_Return)
        desk.state(window, "DSC_0101.jpg", S.ACCEPTED)
        desk.key(window, K.Key_F1)
        window.commands.actions["models"].trigger()
        window.commands.actions["privacy"].trigger()
        window.dialog.close()
        desk.qtbot.waitUntil(window.commands.actions["write"].isEnabled)
        window.commands.actions["write"].trigger()
        preview = desk.dialog(lambda: window.writes.dialog, PreviewDialog)
        desk.qtbot.waitUntil(preview.write_button.isEnabled)
        preview.write_button.click()
        results = desk.dialog(lambda: window.writes.dialog, ResultsDialog)
        desk.qtbot.waitUntil(lambda: not window.work.busy)
        results.close()
        desk.state(window, "DSC_0101.jpg", S.WRITTEN)
        desk.close(window)
    assert watch.looked > 10
    assert watch.touched == set()


def test_the_page_says_what_is_kept_and_where(desk: Desk, album: Path) -> None:
    window = desk.open(album)
    window.commands.actions["privacy"].trigger()
    dialog = desk.dialog(lambda: window.dialog, PrivacyDialog)
    desk.qtbot.waitUntil(dialog.status.isHidden)
    told = [label.text() for label in dialog.findChildren(type(dialog.status))]
    catalog = [text for text in told if text.endswith(f" in {desk.catalog}")]
    assert len(catalog) == 1 and catalog[0].split()[1] == "kB"
    assert any("Only" in text or "When you press Install" in text for text in told)
    assert any("No photo, no place and no name of a file" in text for text in told)
    dialog.close()
