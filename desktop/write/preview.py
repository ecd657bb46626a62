"""Before writing: what will change in which file, and what is refused and why."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QLabel, QWidget

from desktop import signs, wording
from desktop.dialogs import cancel_and, column
from desktop.tables import Line, TextTable, TextTableModel
from geotagger.errors import printable
from geotagger.library.writing import WritePlan

REFUSED = "refused"


class PreviewDialog(QDialog):
    """Shows a plan; accepted means: carry it out."""

    def __init__(self, plan: WritePlan, dark: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Write places into files")
        self.resize(960, 560)
        self.plan = plan
        going = [item for item in plan.items if item.how != REFUSED]
        refused = len(plan.items) - len(going)
        in_file = sum(item.destination == item.path for item in going)
        self.summary = QLabel(_summary(len(going), in_file, refused), wordWrap=True)
        self.model = TextTableModel(("Photo", "Goes to", "Before", "After", "Folder"), parent=self)
        icons = {
            True: signs.icon("failed", dark=dark),
            False: signs.icon("accepted", dark=dark),
        }
        self.model.show(
            [
                Line(
                    (
                        printable(type(item.path)(item.path.name)),
                        _where(item),
                        item.before,
                        item.after,
                        printable(item.path.parent),
                    ),
                    icons[item.how == REFUSED],
                    item.path,
                    tip=f"{printable(item.path)}\n{item.reason}".strip(),
                )
                for item in sorted(plan.items, key=lambda one: one.how != REFUSED)
            ]
        )
        self.table = TextTable(self.model, wide=(4,))
        self.table.setAccessibleName("What will be written")
        self.table.fit()
        self.buttons, self.write_button = cancel_and(self, f"Write {wording.files(len(going))}")
        self.write_button.setEnabled(bool(going))
        layout = column(self)
        layout.addWidget(self.summary)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.buttons)


def _where(item: object) -> str:
    how, reason = item.how, item.reason  # type: ignore[attr-defined]
    if how == REFUSED:
        return f"Refused: {reason}" if reason else "Refused"
    destination = item.destination  # type: ignore[attr-defined]
    if destination == item.path:  # type: ignore[attr-defined]
        return "The file itself"
    return f"Sidecar {printable(type(destination)(destination.name))}"


def _summary(going: int, in_file: int, refused: int) -> str:
    parts = []
    if in_file:
        parts.append(f"{wording.files(in_file)}: the place goes into the file itself.")
    if going - in_file:
        parts.append(f"{wording.files(going - in_file)}: the place goes into a sidecar beside it.")
    if refused:
        parts.append(f"{wording.files(refused)} refused; nothing is changed there.")
    if not parts:
        return "There is nothing to write."
    parts.append("Every write can be undone from the history.")
    return " ".join(parts)
