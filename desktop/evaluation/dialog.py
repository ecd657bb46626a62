"""How good is it on my photos: the user's own GPS is hidden in memory and looked for."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop import wording
from desktop.dialogs import close_and, column
from desktop.engine import Engine
from desktop.evaluation.choices import Choices
from desktop.evaluation.result import ResultView
from desktop.work import GENERAL, INTERACTIVE, Context, Job, Work
from geotagger.errors import GeotaggerError, printable
from geotagger.evaluation.library import KnownFolder
from geotagger.evaluation.library_score import LibraryScore
from geotagger.progress import Progress

PROMISE = (
    "The places of some of your photos with GPS are hidden in memory, the program looks for them "
    "as if it had never known them, and you see how far off it was. No file and no decision of "
    "yours is changed, and nothing leaves this computer."
)
EMPTY = (
    "There are too few photos with GPS of their own here: it needs a folder with at least two, "
    "and thirty or more to say something. Open a folder with photos of a phone."
)
_BEFORE = "The result comes here: in words, as plots, and as tables."
_FILTERS = ("Page with words, plots and tables (*.html)", "Picture of the plots (*.png)")
_ENDINGS = (".html", ".htm", ".png")
_STEPS = 1000


class EvaluationDialog(QDialog):
    """Asks what to hide, looks for it off the main thread, shows what was found."""

    open_asked = Signal()
    """The user wants to open another folder."""

    def __init__(
        self, engine: Engine, work: Work, root: Path, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("How good is it on my photos")
        self.resize(1040, 720)
        self._engine, self._work, self._root = engine, work, root
        self._job: Job | None = None
        self.promise = QLabel(PROMISE, wordWrap=True)
        self.choices = Choices()
        self.start = QPushButton("Start")
        self.stop = QPushButton("Stop")
        self.bar = QProgressBar(maximum=_STEPS, textVisible=False)
        self.bar.setAccessibleName("Progress")
        self.status = QLabel(wordWrap=True)
        self.status.setTextFormat(Qt.TextFormat.PlainText)
        self.status.setAccessibleName("State")
        self.result = ResultView(engine, work)
        self.before = _centred(_BEFORE)
        self.open = QPushButton("Open folder…")
        self.empty = _centred(EMPTY, self.open)
        self.stack = QStackedWidget()
        for page in (self.before, self.empty, self.result):
            self.stack.addWidget(page)
        buttons, (self.save, self.copy) = close_and(self, "Save report…", "Copy table")
        layout = column(self)
        layout.addWidget(self.promise)
        layout.addWidget(self.choices)
        layout.addLayout(self._row())
        layout.addWidget(self.stack, 1)
        layout.addWidget(buttons)
        for button in (*buttons.buttons(), self.stop, self.open):
            button.setAutoDefault(False)
        self.start.setDefault(True)
        self.start.clicked.connect(self._start)
        self.stop.clicked.connect(self._stop)
        self.save.clicked.connect(self._ask_target)
        self.copy.clicked.connect(self._copy)
        self.open.clicked.connect(self._open_other)
        self.finished.connect(self._leave)
        self.bar.hide()
        self._enable()
        self._look()

    def _row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.start)
        row.addWidget(self.stop)
        told = QVBoxLayout()
        told.setSpacing(4)
        told.addWidget(self.status)
        told.addWidget(self.bar)
        row.addLayout(told, 1)
        return row

    @property
    def running(self) -> bool:
        """Whether an evaluation is under way."""
        return self._job is not None and not self._job.finished

    # -- what there is to hide

    def _look(self) -> None:
        def done(folders: list[KnownFolder]) -> None:
            self.choices.offer(self._root, folders)
            self._enable()
            if self.choices.can_start:
                self.start.setFocus()
            else:
                self.stack.setCurrentWidget(self.empty)
                self.open.setFocus()

        self._work.latest(
            "known folders",
            INTERACTIVE,
            lambda _context: self._engine.evaluation.folders(self._root),
            owner=self,
            done=done,
            failed=self._failed,
        )

    # -- one evaluation

    def _start(self) -> None:
        if self.running or not self.choices.can_start:
            return
        folder, how, share = self.choices.chosen

        def function(context: Context) -> LibraryScore:
            return self._engine.evaluation.run(
                folder, how, share, progress=context.progress, cancel=context.cancel
            )

        self.bar.setRange(0, 0)
        self.bar.show()
        self.status.setText("Starting…")
        self._job = self._work.start(
            GENERAL,
            function,
            name="evaluate",
            done=self._done,
            failed=self._failed,
            cancelled=lambda: self._end("Stopped. Nothing was changed."),
            progress=self._progress,
            owner=self,
        )
        self._enable()
        if self.running:
            self.stop.setFocus()

    def _stop(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self.stop.setEnabled(False)
            self.status.setText("Stopping…")

    def _progress(self, progress: Progress) -> None:
        if progress.total:
            self.bar.setRange(0, _STEPS)
            self.bar.setValue(_STEPS * progress.done // progress.total)
        if self._job is not None and not self._job.token.cancelled:
            told = f"{wording.progress(progress)} rounds"
            detail = printable(Path(progress.detail)) if progress.detail else ""
            self.status.setText(wording.joined(told, detail))

    def _done(self, score: LibraryScore) -> None:
        self.result.show_score(score)
        self.stack.setCurrentWidget(self.result)
        self._end("")
        self.result.tabs.tabBar().setFocus()

    def _failed(self, error: Exception) -> None:
        if isinstance(error, GeotaggerError):
            self._end(f"{error.message} {error.remedy}".strip())
        else:
            self._end("That did not work; nothing was changed.")
            self._work.failed_unheard.emit(error)

    def _end(self, words: str) -> None:
        heard = self.stop.hasFocus()
        self._job = None
        self.bar.hide()
        self.status.setText(words)
        self._enable()
        if heard:
            self.start.setFocus()

    def _enable(self) -> None:
        shown = self.result.score is not None
        self.choices.setEnabled(not self.running and self.choices.can_start)
        self.start.setEnabled(not self.running and self.choices.can_start)
        self.stop.setEnabled(self.running)
        self.save.setEnabled(shown)
        self.copy.setEnabled(shown)

    # -- what can be done with the result

    def _copy(self) -> None:
        self.result.copy()
        self.status.setText("The table is in the clipboard.")

    def _ask_target(self) -> None:
        start = str(Path.home() / "how-good-on-my-photos.html")
        chosen, kind = QFileDialog.getSaveFileName(
            self, "Save report", start, ";;".join(_FILTERS), _FILTERS[0]
        )
        if not chosen:
            return
        target = with_ending(Path(chosen), kind)
        if target != Path(chosen) and target.exists():  # nobody was asked about that name
            self.status.setText(f"{printable(target)} is there already; choose another name.")
        else:
            self.save_to(target)

    def save_to(self, target: Path) -> None:
        """Save what is shown as a page or a picture, by the ending of the name."""
        score = self.result.score
        if score is None:
            return
        self.status.setText("Saving…")
        self._work.latest(
            "save report",
            INTERACTIVE,
            lambda _context: self._engine.evaluation.save(score, self._root.name, target),
            owner=self,
            done=lambda _none: self.status.setText(f"Saved as {printable(target)}."),
            failed=self._failed,
        )

    def _open_other(self) -> None:
        self.reject()
        self.open_asked.emit()

    def _leave(self) -> None:
        if self._job is not None and not self._job.finished:
            self._job.drop()


def with_ending(target: Path, kind: str) -> Path:
    """Return a name that says what is in the file: its own ending, else that of the kind.

    No other ending is kept, so that a report never takes the place of a photo.
    """
    if target.suffix.lower() in _ENDINGS:
        return target
    return target.with_name(target.name + (".png" if kind == _FILTERS[1] else ".html"))


def _centred(words: str, button: QPushButton | None = None) -> QWidget:
    page = QWidget()
    label = QLabel(words, wordWrap=True, alignment=Qt.AlignmentFlag.AlignCenter)
    layout = QVBoxLayout(page)
    layout.setSpacing(16)
    layout.addStretch(1)
    layout.addWidget(label)
    if button is not None:
        layout.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
    layout.addStretch(1)
    return page
