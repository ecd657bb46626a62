"""Whether a window can be opened here, and what its process needs in the environment."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

# Platforms of Qt that draw without an X or Wayland server.
WITHOUT_SERVER = ("offscreen", "minimal", "vnc", "eglfs", "linuxfb", "vkkhrdisplay")
# What decides whether the browser engine can shut its helper processes in.
NAMESPACE_SETTINGS = {
    Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"): "1",
    Path("/proc/sys/kernel/unprivileged_userns_clone"): "0",
    Path("/proc/sys/user/max_user_namespaces"): "0",
}


def answers(address: str) -> bool:
    """Return whether something listens at a Unix socket's address."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(2)
        try:
            connection.connect(address)
        except OSError:
            return False
    return True


def x11_reachable(display: str, listens: Callable[[str], bool] = answers) -> bool:
    """Return whether an X server can be there; one on another machine is believed."""
    local = re.fullmatch(r"(?:unix)?:(\d+)(?:\.\d+)?", display)
    if local is None:
        return True
    path = f"/tmp/.X11-unix/X{local[1]}"
    return listens("\0" + path) or listens(path)


def wayland_reachable(environ: Mapping[str, str], listens: Callable[[str], bool] = answers) -> bool:
    """Return whether the Wayland server that the environment names is there."""
    name = environ.get("WAYLAND_DISPLAY", "")
    return bool(name) and listens(str(Path(environ.get("XDG_RUNTIME_DIR", "/")) / name))


def no_window_because(
    environ: Mapping[str, str], platform: str, listens: Callable[[str], bool] = answers
) -> str:
    """Return why no window can be opened, a clause for a sentence, or empty if one can."""
    if platform in ("win32", "darwin"):
        return ""
    if environ.get("QT_QPA_PLATFORM", "").split(":")[0] in WITHOUT_SERVER:
        return ""
    if wayland_reachable(environ, listens):
        return ""
    display = environ.get("DISPLAY", "")
    if not display:
        if environ.get("WAYLAND_DISPLAY"):
            return f"WAYLAND_DISPLAY is {environ['WAYLAND_DISPLAY']!r}, but nothing answers there"
        return "there is no display: neither DISPLAY nor WAYLAND_DISPLAY is set"
    if x11_reachable(display, listens):
        return ""
    return f"DISPLAY is {display!r}, but no X server answers there"


def sandbox_refused(uid: int, settings: Mapping[Path, str] = NAMESPACE_SETTINGS) -> bool:
    """Return whether the browser engine would refuse to start its sandbox.

    It does so as root, and where the system forbids user namespaces to ordinary programs
    (Ubuntu 24.04 does by default). The engine shows nothing but the program's own map page.
    """
    if uid == 0:
        return True
    for path, forbidding in settings.items():
        try:
            if path.read_text(encoding="ascii").strip() == forbidding:
                return True
        except OSError:
            continue
    return False


def for_window(environ: Mapping[str, str], uid: int | None) -> dict[str, str]:
    """Return what to add to the environment of the window; ``uid`` is None where unknown."""
    if uid is None or "QTWEBENGINE_DISABLE_SANDBOX" in environ or not sandbox_refused(uid):
        return {}
    return {"QTWEBENGINE_DISABLE_SANDBOX": "1"}


def for_tests(environ: Mapping[str, str], uid: int | None) -> dict[str, str]:
    """Return what to add to the environment of the tests, which draw offscreen."""
    found = {"QT_QPA_PLATFORM": "offscreen", **for_window(environ, uid)}
    if "QTWEBENGINE_CHROMIUM_FLAGS" not in environ:
        found["QTWEBENGINE_CHROMIUM_FLAGS"] = "--disable-gpu"
    return found
