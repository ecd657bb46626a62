"""Before writing: what will change in which file, and what is refused and why."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QDialog, QLabel, QSplitter, QVBoxLayout, QWidget

from desktop import signs, wording
from desktop.dialogs import cancel_and, column
from desktop.tables import Line, TextTable, TextTableModel
from geotagger.errors import printable
from geotagger.library.writing import PlannedWrite, WritePlan

REFUSED = "refused"
_WHAT = {"added": "New", "changed": "Changed", "removed": "Taken out", "kept": "Stays"}


class PreviewDialog(QDialog):
    """Shows a plan, and below it each tag of the file that is selected; accepted: carry it out."""

    def __init__(self, plan: WritePlan, dark: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Write places into files")
        self.resize(1040, 680)
        self.plan = plan
        self._items = sorted(plan.items, key=_rank)
        going = [item for item in plan.items if item.how != REFUSED]
        refused = len(plan.items) - len(going)
        in_file = sum(item.how == "in the file" for item in going)
        warned = sum(bool(item.warning) for item in going)
        self.summary = QLabel(_summary(len(going), in_file, refused, warned), wordWrap=True)
        self.model = TextTableModel(("Photo", "Goes to", "Before", "After", "Folder"), parent=self)
        icons = {
            0: signs.icon("failed", dark=dark),
            1: signs.icon("ambiguous", dark=dark),
            2: signs.icon("accepted", dark=dark),
        }
        self.model.show([_line(item, icons[_rank(item)]) for item in self._items])
        self.table = TextTable(self.model, wide=(4,))
        self.table.setAccessibleName("What will be written")
        self.table.fit()
        self.about = QLabel(wordWrap=True)
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.tags_model = TextTableModel(("Tag", "Change", "Before", "After"), parent=self)
        self.tags = TextTable(self.tags_model, wide=(2, 3))
        self.tags.setAccessibleName("Tags of the selected file, before and after")
        self.buttons, self.write_button = cancel_and(self, f"Write {wording.files(len(going))}")
        self.write_button.setEnabled(bool(going))
        layout = column(self)
        layout.addWidget(self.summary)
        layout.addWidget(self._split(), 1)
        layout.addWidget(self.buttons)
        self.table.selectionModel().currentRowChanged.connect(lambda now, _: self._show(now.row()))
        if self._items:
            self.table.selectRow(0)
        self._show(0 if self._items else -1)

    def _split(self) -> QSplitter:
        below = QWidget()
        inner = QVBoxLayout(below)
        inner.setContentsMargins(0, 8, 0, 0)
        inner.setSpacing(8)
        inner.addWidget(self.about)
        inner.addWidget(self.tags, 1)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(self.table)
        split.addWidget(below)
        split.setStretchFactor(0, 1)
        split.setStretchFactor(1, 1)
        split.setVisible(bool(self._items))
        return split

    def _show(self, row: int) -> None:
        """Show the tags of a row."""
        item = self._items[row] if 0 <= row < len(self._items) else None
        self.about.setText("" if item is None else _about(item))
        tags = () if item is None else item.tags
        self.tags_model.show(
            [Line((tag.tag, _WHAT[tag.what], tag.before, tag.after), key=tag.tag) for tag in tags]
        )
        self.tags.fit()
        self.tags.setVisible(bool(tags))


def _rank(item: PlannedWrite) -> int:
    """Return the order of the list: what is refused, what carries a warning, the rest."""
    if item.how == REFUSED:
        return 0
    return 1 if item.warning else 2


def _line(item: PlannedWrite, sign: QIcon) -> Line:
    tip = "\n".join(part for part in (printable(item.path), item.reason, item.warning) if part)
    return Line(
        (
            printable(type(item.path)(item.path.name)),
            _where(item),
            item.before,
            item.after,
            printable(item.path.parent),
        ),
        sign,
        item.path,
        tip=tip,
    )


def _about(item: PlannedWrite) -> str:
    name = printable(type(item.destination)(item.destination.name))
    if item.how == REFUSED:
        remedy = item.error.remedy if item.error is not None else ""
        return f"{name} is not written. {item.reason} {remedy}".strip()
    warning = f"Warning: {item.warning}" if item.warning else ""
    return " ".join(part for part in (f"{name}:", item.reason, warning) if part).rstrip(":")


def _where(item: PlannedWrite) -> str:
    if item.how == REFUSED:
        return f"Refused: {item.reason}" if item.reason else "Refused"
    warning = ", with a warning" if item.warning else ""
    if item.how == "in the file":
        return f"The file itself{warning}"
    return f"Sidecar {printable(type(item.destination)(item.destination.name))}{warning}"


def _summary(going: int, in_file: int, refused: int, warned: int) -> str:
    parts = []
    if in_file:
        parts.append(f"{wording.files(in_file)}: the place goes into the file itself.")
    if going - in_file:
        parts.append(f"{wording.files(going - in_file)}: the place goes into a sidecar beside it.")
    if refused:
        parts.append(f"{wording.files(refused)} refused; nothing is changed there.")
    if not parts:
        return "There is nothing to write."
    if warned:
        parts.append(f"{wording.files(warned)} with a warning: something else names another place.")
    parts.append("Every write can be undone from the history.")
    return " ".join(parts)
