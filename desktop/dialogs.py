"""What all dialogs share: margins, and buttons without pictures."""

from __future__ import annotations

from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QVBoxLayout


def column(dialog: QDialog) -> QVBoxLayout:
    """Return the layout of a dialog: one column, everything on the grid of eight pixels."""
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(16, 16, 16, 16)
    layout.setSpacing(8)
    return layout


def cancel_and(dialog: QDialog, verb: str) -> tuple[QDialogButtonBox, QPushButton]:
    """Return a row of buttons, "Cancel" and the verb, and the button of the verb.

    The verb is what Enter presses and has the focus at first.
    """
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, dialog)
    _plain(buttons)
    button = buttons.addButton(verb, QDialogButtonBox.ButtonRole.AcceptRole)
    button.setDefault(True)
    button.setFocus()
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    return buttons, button


def close_and(dialog: QDialog, *verbs: str) -> tuple[QDialogButtonBox, list[QPushButton]]:
    """Return a row of buttons, "Close" and others that leave the dialog open."""
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, dialog)
    _plain(buttons)
    made = [buttons.addButton(verb, QDialogButtonBox.ButtonRole.ActionRole) for verb in verbs]
    for button in made:
        button.setAutoDefault(False)
    buttons.rejected.connect(dialog.reject)
    return buttons, made


def _plain(buttons: QDialogButtonBox) -> None:
    for button in buttons.buttons():
        button.setIcon(QIcon())
