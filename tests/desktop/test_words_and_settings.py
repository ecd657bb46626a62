from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QPushButton, QWidget

from desktop import theme, wording
from desktop.commands import COMMANDS, MENUS, CommandSet, is_plain
from desktop.library.activity import Meter, Phase
from desktop.library.filters import FILTERS, WITHOUT_GPS
from desktop.settings.store import Settings
from geotagger.library.rows import PhotoState
from geotagger.progress import Progress


@pytest.mark.parametrize(
    ("metres", "said"),
    [
        (0.2, "1 m"), (7.4, "7 m"), (61, "61 m"), (304, "300 m"), (999, "1 km"),
        (1_349, "1.3 km"), (2_000, "2 km"), (21_400, "21 km"), (304_000, "300 km"),
        (9_999_999, "10,000 km"),
    ],
)  # fmt: skip
def test_radii_are_said_in_rounded_units(metres, said):
    assert wording.distance(metres).replace("\u00a0", " ") == said


@given(st.floats(0, 1))
def test_a_probability_is_never_said_to_be_nothing_or_everything_unless_it_is(probability):
    said = wording.percent(probability).replace("\u00a0", " ")
    assert (said == "0 %") == (probability == 0)
    assert (said == "100 %") == (probability == 1)


def test_the_status_line_counts_what_the_user_asked_for():
    counts = {
        PhotoState.HAS_GPS: 300,
        PhotoState.WRITTEN: 11,
        PhotoState.PENDING: 879,
        PhotoState.ACCEPTED: 14,
        PhotoState.MISSING: 5,
    }
    assert wording.status_line(counts) == (
        "1,204 photos, 311 with GPS, 893 without · 14 accepted, not yet written"
    )


def test_every_state_has_words_and_a_filter():
    assert set(wording.STATE_TEXT) == set(PhotoState)
    shown = {state for one in FILTERS if one.states is not None for state in one.states}
    assert shown == set(PhotoState)
    assert PhotoState.HAS_GPS not in WITHOUT_GPS


def test_rate_and_time_left_come_from_what_was_done():
    now = [0.0]
    meter = Meter(lambda: now[0])
    meter.begin(Phase.ANALYSING, "Preparing")
    meter.take(Progress(100, 1300, "Looking at photos"))
    assert meter.activity.rate is None
    now[0] = 10.0
    meter.take(Progress(300, 1300, "Looking at photos"))
    assert meter.activity.rate == pytest.approx(20)
    assert meter.activity.text.replace("\u00a0", " ") == (
        "Looking at photos, 300 of 1,300 · 20 a second · 50 s left"
    )
    meter.pause()
    assert meter.activity.text == "Paused: looking at photos, 300 of 1,300"


def test_settings_come_back_typed_and_damaged_ones_give_the_default(tmp_path):
    file = str(tmp_path / "window.ini")
    settings = Settings(QSettings(file, QSettings.Format.IniFormat))
    odd = Path("/p/caf\udce9")
    settings.last_folder, settings.album, settings.filter = odd, "/p/caf\udce9/x", "ambiguous"
    settings.cell_size, settings.theme, settings.sidecar = 176, theme.DARK, "always"
    settings.sync()
    again = Settings(QSettings(file, QSettings.Format.IniFormat))
    assert (again.last_folder, again.album, again.filter) == (odd, "/p/caf\udce9/x", "ambiguous")
    assert (again.cell_size, again.theme, again.sidecar) == (176, theme.DARK, "always")
    damaged = QSettings(file, QSettings.Format.IniFormat)
    for key in ("library/filter", "library/cell", "window/theme", "library/folder"):
        damaged.setValue(key, "nonsense")
    default = Settings(damaged)
    assert default.filter == "all"
    assert default.cell_size == 128
    assert default.theme == theme.SYSTEM
    assert default.last_folder is None


def test_no_key_is_given_to_two_commands():
    keys = [key for command in COMMANDS for key in command.keys]
    assert len(keys) == len(set(keys))
    assert {command.menu for command in COMMANDS} == set(MENUS)


def test_plain_keys_are_those_that_one_could_type():
    assert all(is_plain(key) for key in ("1", "L", "/", "Return", "Space", "Backspace"))
    assert not any(is_plain(key) for key in ("Ctrl+Z", "F1", "F5", "Shift+F5", "Ctrl+Return"))


def test_commands_follow_their_conditions_and_keep_off_a_focused_button(qtbot):
    window = QWidget()
    button = QPushButton("Press", window)
    qtbot.addWidget(window)
    done: list[str] = []
    handlers = {one.id: lambda name=one.id: done.append(name) for one in COMMANDS}
    commands = CommandSet(window, handlers)
    assert not commands.actions["accept"].isEnabled()
    commands.set_condition("photo", True)
    assert commands.actions["accept"].isEnabled()
    commands.actions["accept"].trigger()
    assert done == ["accept"]
    window.show()
    window.activateWindow()
    button.setFocus()
    qtbot.waitUntil(button.hasFocus)
    assert commands.actions["accept"].shortcuts() == []
    assert commands.actions["later"].shortcuts() != []


@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read_on_both_grounds(dark):
    palette = theme.palette(dark)

    def luminance(colour):
        parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in
                 (colour.redF(), colour.greenF(), colour.blueF())]  # fmt: skip
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    def contrast(one, other):
        light, dim = sorted((luminance(one), luminance(other)), reverse=True)
        return (light + 0.05) / (dim + 0.05)

    for ground in (palette.window().color(), palette.base().color()):
        assert contrast(palette.text().color(), ground) >= 7
        assert contrast(theme.colours(palette).secondary, ground) >= 4.5
