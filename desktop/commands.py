"""Everything a person can tell the window to do, as data: menus, keys and the F1 sheet come of it.

A command is enabled when all conditions it names hold. Keys without Ctrl or a function key are
switched off while text is typed or a button has the focus, so that they never fire by accident.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QMenu,
    QMenuBar,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

FOLDER = "folder"
PHOTO = "photo"
PLACEABLE = "placeable"
PROPOSAL = "proposal"
COPIED = "copied"
CONFIDENT = "confident"
ACCEPTED = "accepted"
SCANNED = "idle"
CAN_UNDO = "can_undo"
CAN_REDO = "can_redo"


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its name, its words, its keys, and when it may be used.

    ``menu`` is empty for commands that only have a key; ``separated`` puts a line before it.
    """

    id: str
    text: str
    menu: str
    keys: tuple[str, ...] = ()
    when: frozenset[str] = frozenset()
    separated: bool = False
    checkable: bool = False


def _command(
    name: str,
    text: str,
    menu: str,
    *keys: str,
    when: Iterable[str] = (),
    separated: bool = False,
    checkable: bool = False,
) -> Command:
    return Command(name, text, menu, keys, frozenset(when), separated, checkable)


MENUS = ("File", "Edit", "View", "Review", "Map", "Help")

COMMANDS: tuple[Command, ...] = (
    _command("open_folder", "Open folder…", "File", "Ctrl+O"),
    _command("rescan", "Scan folder again", "File", "F5", when=[FOLDER, SCANNED]),
    _command("analyse", "Analyse again", "File", "Shift+F5", when=[FOLDER, SCANNED]),
    _command("stop", "Stop scan or analysis", "File", "Ctrl+."),
    _command("problems", "Files that could not be read…", "File", when=[FOLDER]),
    _command("write", "Write accepted places…", "File", "Ctrl+S", when=[ACCEPTED], separated=True),
    _command("history", "History of writes…", "File", "Ctrl+H"),
    _command("quit", "Quit", "File", "Ctrl+Q", separated=True),
    _command("undo", "Undo decision", "Edit", "Ctrl+Z", when=[CAN_UNDO]),
    _command("redo", "Redo decision", "Edit", "Ctrl+Shift+Z", when=[CAN_REDO]),
    _command("copy_place", "Copy place", "Edit", "C", when=[PROPOSAL], separated=True),
    _command("paste_place", "Paste place", "Edit", "V", when=[PLACEABLE, COPIED]),
    _command("find", "Search photos", "Edit", "Ctrl+F", separated=True),
    _command("models", "Models…", "Edit", separated=True),
    _command("preferences", "Preferences…", "Edit", "Ctrl+,"),
    _command("larger", "Photo larger", "View", "Space", when=[PHOTO], checkable=True),
    _command("bigger_thumbnails", "Larger thumbnails", "View", "Ctrl++", "Ctrl+=", separated=True),
    _command("smaller_thumbnails", "Smaller thumbnails", "View", "Ctrl+-"),
    _command("accept", "Accept and next", "Review", "Return", "Enter", when=[PHOTO]),
    _command("reject", "Reject", "Review", "Backspace", when=[PLACEABLE]),
    _command("later", "Leave for later", "Review", "L", when=[PLACEABLE]),
    _command("next_open", "Next photo to review", "Review", "N", when=[PHOTO], separated=True),
    _command("previous_open", "Previous photo to review", "Review", "P", when=[PHOTO]),
    _command("choose_1", "Choose candidate 1", "Review", "1", when=[PLACEABLE], separated=True),
    _command("choose_2", "Choose candidate 2", "Review", "2", when=[PLACEABLE]),
    _command("choose_3", "Choose candidate 3", "Review", "3", when=[PLACEABLE]),
    _command("choose_4", "Choose candidate 4", "Review", "4", when=[PLACEABLE]),
    _command("choose_5", "Choose candidate 5", "Review", "5", when=[PLACEABLE]),
    _command("why_here", "Why here?", "Review", "W", when=[PROPOSAL], checkable=True),
    _command(
        "accept_confident",
        "Accept all confident…",
        "Review",
        "Ctrl+Return",
        when=[CONFIDENT],
        separated=True,
    ),
    _command("clocks", "Clocks of the cameras…", "Review", when=[FOLDER]),
    _command("doubts", "GPS in doubt…", "Review", when=[FOLDER, SCANNED]),
    _command("evaluate", "How good is it on my photos…", "Review", when=[FOLDER, SCANNED]),
    _command("marker_to_centre", "Marker to map centre", "Map", "M", when=[PLACEABLE]),
    _command("type_coordinates", "Type coordinates…", "Map", "G", when=[PLACEABLE]),
    _command("search_place", "Search a place…", "Map", "/", when=[FOLDER]),
    _command("show_all", "Show all photos on the map", "Map", "A", when=[FOLDER], separated=True),
    _command("shortcuts", "Keyboard shortcuts", "Help", "F1"),
    _command("privacy", "Privacy…", "Help"),
    _command("about", "About Photo Geotagger", "Help"),
)
"""All commands, in the order of the menus."""

_TYPING = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox, QComboBox)
_PRESSING = (QAbstractButton, QMenu, QMenuBar)
_BUTTON_KEYS = frozenset({"Space", "Return", "Enter"})


def is_plain(key: str) -> bool:
    """Whether a key could also be meant for a text field: no Ctrl, Alt or function key."""
    last = key.rsplit("+", 1)[-1]
    function_key = last[:1] == "F" and last[1:].isdigit()
    return "Ctrl+" not in key and "Alt+" not in key and not function_key


class CommandSet(QObject):
    """The actions of a window, made of the commands and the functions that carry them out."""

    def __init__(
        self,
        window: QWidget,
        handlers: Mapping[str, Callable[[], object]],
        commands: Iterable[Command] = COMMANDS,
    ) -> None:
        super().__init__(window)
        self._commands = tuple(commands)
        self._holding: set[str] = set()
        self._silent: frozenset[str] | None = frozenset()
        self.actions: dict[str, QAction] = {}
        for command in self._commands:
            action = QAction(command.text, window)
            action.setObjectName(command.id)
            action.setCheckable(command.checkable)
            action.triggered.connect(_without_argument(handlers[command.id]))
            window.addAction(action)
            self.actions[command.id] = action
        self._hear_focus(None, QApplication.focusWidget())
        QApplication.instance().focusChanged.connect(self._hear_focus)
        self._refresh()

    def set_condition(self, name: str, holds: bool) -> None:
        """Say whether a condition holds now; actions follow."""
        if holds != (name in self._holding):
            (self._holding.add if holds else self._holding.discard)(name)
            self._refresh()

    def fill(self, bar: QMenuBar) -> None:
        """Put the commands into the menus of a menu bar."""
        for title in MENUS:
            menu = bar.addMenu(title)
            for command in self._commands:
                if command.menu != title:
                    continue
                if command.separated:
                    menu.addSeparator()
                menu.addAction(self.actions[command.id])

    def sheet(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Return (menu, [(words, keys)]) of all commands with a key, and the arrows."""
        sections = []
        for title in MENUS:
            lines = [
                (command.text.rstrip("…"), _shown(command.keys))
                for command in self._commands
                if command.menu == title and command.keys
            ]
            if title == "Review":
                lines.insert(3, ("Move between photos", "Arrow keys"))
            if lines:
                sections.append((title, lines))
        return sections

    def _refresh(self) -> None:
        for command in self._commands:
            self.actions[command.id].setEnabled(command.when <= self._holding)

    def _hear_focus(self, _old: QWidget | None, new: QWidget | None) -> None:
        if isinstance(new, _TYPING):
            silent = None
        else:
            silent = _BUTTON_KEYS if isinstance(new, _PRESSING) else frozenset()
        if silent == self._silent and any(a.shortcuts() for a in self.actions.values()):
            return
        self._silent = silent
        for command in self._commands:
            keys = [
                QKeySequence(key)
                for key in command.keys
                if not is_plain(key) or (silent is not None and key not in silent)
            ]
            self.actions[command.id].setShortcuts(keys)


def _shown(keys: tuple[str, ...]) -> str:
    return QKeySequence(keys[0]).toString(QKeySequence.SequenceFormat.NativeText)


def _without_argument(handler: Callable[[], object]) -> Callable[[bool], None]:
    def triggered(_checked: bool = False) -> None:
        handler()

    return triggered
