"""What an evaluation found: a headline, what to know about it, plots and tables."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QTabWidget, QVBoxLayout, QWidget

from desktop.engine import Engine
from desktop.evaluation.plot_view import PlotView
from desktop.tables import Line, TextTable, TextTableModel
from desktop.work import Work
from geotagger.errors import printable
from geotagger.evaluation import library_words as words
from geotagger.evaluation.library_score import LibraryScore


class ResultView(QWidget):
    """Shows one score; the tables can be copied."""

    def __init__(self, engine: Engine, work: Work, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self.score: LibraryScore | None = None
        self.headline = _text()
        font = self.headline.font()
        font.setPointSizeF(font.pointSizeF() * 1.15)
        self.headline.setFont(font)
        self.headline.setAccessibleName("Result")
        self.notes = _text()
        self.notes.setAccessibleName("What to know about it")
        self.plots = PlotView(work)
        self.methods = _table(words.HEADINGS, "Beside simple rules")
        self.folders = _table(words.ALBUM_HEADINGS, "Folder by folder")
        self.reliability = _table(("Stated", "Held", "Suggestions"), "Stated and held")
        self.oracle_note, self.time_note, self.kept = _text(), _text(), _text()
        self.tabs = QTabWidget(documentMode=True)
        self.tabs.setAccessibleName("Result in detail")
        self.tabs.tabBar().setAccessibleName("Ways to look at the result")
        self.tabs.addTab(self.plots, "Plots")
        self.tabs.addTab(_page(self.methods, self.oracle_note), "Beside simple rules")
        self.tabs.addTab(_page(self.reliability, self.kept), "Stated and held")
        self.tabs.addTab(_page(self.folders, self.time_note), "Folder by folder")
        self.oracle_note.setText(words.ORACLE_NOTE)
        self.time_note.setText(words.BY_TIME_NOTE)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.headline)
        layout.addWidget(self.notes)
        layout.addWidget(self.tabs, 1)

    def show_score(self, score: LibraryScore) -> None:
        """Show another score."""
        self.score = score
        self.headline.setText(words.bound(words.headline(score)))
        self.notes.setText(words.bound(" ".join((words.method(score), *words.cautions(score)))))
        self.kept.setText(words.bound(" ".join(words.calibration(score))))
        _fill(self.methods, words.method_rows(score))
        _fill(self.folders, words.album_rows(score))
        _fill(
            self.reliability,
            [
                (f"{100 * one.stated:.0f} %", f"{100 * one.held:.0f} %", f"{one.count:,}")
                for one in score.reliability
            ],
        )
        told = " ".join((words.headline(score), *words.calibration(score)))
        self.plots.show_plots(partial(self._engine.evaluation.draw, score), told)

    def copy(self) -> None:
        """Copy the table that is shown, the one of the methods where that is none."""
        shown = self.tabs.currentWidget().findChild(TextTable)
        table = shown if isinstance(shown, TextTable) else self.methods
        model = table.model()
        head = "\t".join(
            str(model.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.DisplayRole))
            for column in range(model.columnCount())
        )
        assert isinstance(model, TextTableModel)
        QApplication.clipboard().setText(f"{head}\n{model.as_text()}")


def _text() -> QLabel:
    label = QLabel(wordWrap=True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse
        | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    label.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # so that Tab gets there
    return label


def _table(headings: Sequence[str], name: str) -> TextTable:
    model = TextTableModel(headings, right=range(1, len(headings)))
    table = TextTable(model, wide=(0,))
    model.setParent(table)
    table.setAccessibleName(name)
    return table


def _fill(table: TextTable, rows: Sequence[tuple[str, ...]]) -> None:
    model = table.model()
    assert isinstance(model, TextTableModel)
    model.show([Line((printable(Path(row[0])), *row[1:])) for row in rows])
    table.fit()


def _page(table: TextTable, note: QLabel) -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, 8, 0, 0)
    layout.setSpacing(8)
    layout.addWidget(table, 1)
    layout.addWidget(note)
    return page
