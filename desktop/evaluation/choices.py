"""What is hidden: in which folder, in which way, and how much of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QSpinBox, QWidget

from desktop import wording
from geotagger.errors import printable
from geotagger.evaluation.hidings import Way
from geotagger.evaluation.library import SHARE, KnownFolder
from geotagger.evaluation.library_words import WAYS

LEAST, MOST, STEP = 5, 95, 5
"""Per cent that can be hidden."""

_HALF = "A second camera is always a half of the photos."


class Choices(QWidget):
    """A form of three rows; `changed` when what would be done is another."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folders: list[KnownFolder] = []
        self.folder = QComboBox()
        self.folder.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.folder.setMinimumContentsLength(40)
        self.folder.setAccessibleName("Photos of")
        self.way = QComboBox()
        self.way.setAccessibleName("What is hidden")
        for way, text in WAYS.items():
            self.way.addItem(text, way)
        self.share = QSpinBox(minimum=LEAST, maximum=MOST, singleStep=STEP, suffix=" %")
        self.share.setValue(round(100 * SHARE))
        self.share.setAccessibleName("Share of the photos that is hidden")
        second = QHBoxLayout()
        second.setSpacing(8)
        second.addWidget(self.way, 1)
        second.addWidget(self.share)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("&Photos of", self.folder)
        form.addRow("&Hide", second)
        form.labelForField(second).setBuddy(self.way)
        self.way.currentIndexChanged.connect(self._follow)
        self.folder.currentIndexChanged.connect(self.changed)
        self.share.valueChanged.connect(self.changed)
        self._follow()

    def offer(self, root: Path, folders: Sequence[KnownFolder]) -> None:
        """Offer all of a root, and each of its folders that has photos to hide."""
        self._folders = list(folders)
        everything = sum(one.photos for one in folders)
        self.folder.clear()
        self.folder.addItem(
            f"All of {printable(root)} ({wording.photos(everything)} with GPS)", root
        )
        several = len(folders) > 1
        for one in folders if several else ():
            if one.photos > 1:
                title = printable(Path(one.title))
                self.folder.addItem(f"{title} ({wording.photos(one.photos)} with GPS)", one.folder)

    @property
    def can_start(self) -> bool:
        """Whether any folder has two photos, one to hide and one to stay."""
        return any(one.photos > 1 for one in self._folders)

    @property
    def chosen(self) -> tuple[Path, Way, float]:
        """The folder, the way and the share."""
        return self.folder.currentData(), Way(self.way.currentData()), self.share.value() / 100

    def _follow(self) -> None:
        stream = Way(self.way.currentData()).of_stream
        self.share.setEnabled(not stream)
        self.share.setToolTip(_HALF if stream else "")
        self.changed.emit()
