"""Whether a window can be opened, and what its environment needs."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

import pytest
from setup_steps import display

XDG = {"XDG_RUNTIME_DIR": "/run/user/1000"}


def reason(environ: Mapping[str, str], platform: str = "linux", listening: str = "") -> str:
    return display.no_window_because(
        environ, platform, lambda address: bool(listening) and address.endswith(listening)
    )


def test_no_display_at_all_is_told() -> None:
    assert "neither DISPLAY nor WAYLAND_DISPLAY is set" in reason({})


def test_an_x_server_that_is_gone_is_told_by_its_name() -> None:
    assert reason({"DISPLAY": ":7"}) == "DISPLAY is ':7', but no X server answers there"


def test_a_wayland_server_that_is_gone_is_told_by_its_name() -> None:
    assert "'wayland-0', but nothing answers" in reason({"WAYLAND_DISPLAY": "wayland-0", **XDG})


@pytest.mark.parametrize(
    ("environ", "listening"),
    [
        ({"DISPLAY": ":7"}, "/X7"),
        ({"DISPLAY": ":7.0"}, "/X7"),
        ({"DISPLAY": "unix:7"}, "/X7"),
        ({"DISPLAY": "other.machine:0"}, ""),
        ({"WAYLAND_DISPLAY": "wayland-0", **XDG}, "/run/user/1000/wayland-0"),
        ({"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":7", **XDG}, "/X7"),
        ({"QT_QPA_PLATFORM": "offscreen"}, ""),
        ({"QT_QPA_PLATFORM": "vnc:size=800x600"}, ""),
    ],
)
def test_a_display_that_answers_is_enough(environ: Mapping[str, str], listening: str) -> None:
    assert reason(environ, listening=listening) == ""


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_windows_and_macos_always_have_a_display(platform: str) -> None:
    assert reason({}, platform) == ""


def test_a_real_socket_tells_whether_something_listens(tmp_path: Path) -> None:
    address = str(tmp_path / "s")
    assert not display.answers(address)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        assert display.answers(address)
    assert not display.answers(address)


def test_the_sandbox_stays_on_for_a_user_whose_system_allows_it(tmp_path: Path) -> None:
    setting = tmp_path / "max_user_namespaces"
    setting.write_text("63000\n", encoding="ascii")
    assert not display.sandbox_refused(1000, {setting: "0", tmp_path / "absent": "1"})


def test_the_sandbox_is_off_for_root_and_where_the_system_forbids_it(tmp_path: Path) -> None:
    setting = tmp_path / "apparmor_restrict_unprivileged_userns"
    setting.write_text("1\n", encoding="ascii")
    assert display.sandbox_refused(0, {})
    assert display.sandbox_refused(1000, {setting: "1"})


def test_the_users_own_settings_are_respected() -> None:
    assert display.for_window({"QTWEBENGINE_DISABLE_SANDBOX": "0"}, 0) == {}
    assert display.for_window({}, 0) == {"QTWEBENGINE_DISABLE_SANDBOX": "1"}
    assert display.for_window({}, None) == {}
    own = {"QTWEBENGINE_CHROMIUM_FLAGS": "--single-process", "QT_QPA_PLATFORM": "xcb"}
    assert display.for_tests(own, None) == {"QT_QPA_PLATFORM": "offscreen"}
