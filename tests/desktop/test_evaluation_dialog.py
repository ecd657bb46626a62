"""The dialog that says how good suggestions are on the user's own photos."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QImage
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QWidget
from pytestqt.qtbot import QtBot

from desktop import theme
from desktop.engine import Engine
from desktop.evaluation.dialog import EvaluationDialog, with_ending
from desktop.wording import NBSP
from desktop.work import SynchronousWork, Work
from geotagger.evaluation.hidings import Way
from geotagger.library.catalog import Catalog
from geotagger.library.scan import scan_folder
from geotagger.progress import CancelToken, Progress
from tests.support.albums import LISBON, make_album

LONG = 60_000


@pytest.fixture(autouse=True)
def without_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOTAGGER_MODEL", "none")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    make_album(folder / "Lisbon", LISBON, size=(96, 72))
    make_album(folder / "One day", LISBON[:6], size=(96, 72))
    return folder


@pytest.fixture
def engine(tmp_path: Path, root: Path) -> Iterator[Engine]:
    made = Engine(Catalog.open(tmp_path / "catalog.sqlite"), models_root=tmp_path / "models")
    list(scan_folder(made.catalog, root, workers=1))
    yield made
    made.close()


@pytest.fixture
def parent(qtbot: QtBot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


def opened(qtbot: QtBot, engine: Engine, root: Path, parent: QWidget) -> EvaluationDialog:
    dialog = EvaluationDialog(engine, SynchronousWork(parent=parent), root, parent)
    dialog.show()
    qtbot.waitUntil(dialog.isVisible)
    return dialog


def dump(engine: Engine) -> list[str]:
    with engine.catalog.reading() as connection:
        return list(connection.iterdump())


def test_it_says_how_good_it_is_and_changes_nothing(
    qtbot: QtBot, engine: Engine, root: Path, parent: QWidget
) -> None:
    rows = dump(engine)
    files = {path: path.read_bytes() for path in root.rglob("*.jpg")}
    dialog = opened(qtbot, engine, root, parent)
    assert not dialog.save.isEnabled() and not dialog.copy.isEnabled()
    assert dialog.choices.folder.count() == 3
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    result = dialog.result
    assert dialog.stack.currentWidget() is result and not dialog.running
    # Of eight photos six are hidden, of three two; three times each.
    assert result.headline.text().startswith("Of 24 hidden photos ")
    assert f"Stated 80{NBSP}% radii held" in result.headline.text()
    assert "Only 11 photos could be used" in result.notes.text()
    methods = [line.cells[0] for line in result.methods.model().lines]
    assert methods[:2] == ["This program", "Nearest photo in time"]
    assert [line.cells[0] for line in result.folders.model().lines] == ["Lisbon", "One day"]
    assert dump(engine) == rows
    assert {path: path.read_bytes() for path in root.rglob("*.jpg")} == files


def test_the_plots_are_drawn_for_the_size_and_the_colours_of_the_window(
    qtbot: QtBot, engine: Engine, root: Path, parent: QWidget
) -> None:
    dialog = opened(qtbot, engine, root, parent)
    dialog.start.click()
    plots = dialog.result.plots
    qtbot.waitUntil(lambda: plots.current, timeout=LONG)
    ratio = plots.devicePixelRatioF()
    assert plots.image.width() == round(plots.width() * ratio)
    assert "hidden photos" in plots.accessibleDescription()
    before = plots.width()
    dialog.resize(dialog.width() + 160, dialog.height())
    qtbot.waitUntil(lambda: plots.width() > before and plots.current, timeout=LONG)
    for dark in (True, False):
        dialog.setPalette(theme.palette(dark))
        qtbot.waitUntil(lambda: plots.current, timeout=LONG)
        assert plots.image.pixelColor(1, 1) == plots.palette().base().color()


def test_a_folder_and_a_way_can_be_chosen(
    qtbot: QtBot, engine: Engine, root: Path, parent: QWidget
) -> None:
    dialog = opened(qtbot, engine, root, parent)
    choices = dialog.choices
    choices.folder.setCurrentIndex(1)
    choices.way.setCurrentIndex(choices.way.findData(Way.STREAM))
    assert not choices.share.isEnabled()
    dialog.start.click()
    assert dialog.result.headline.text().startswith("Of 12 hidden photos ")
    assert f"a second camera (half of the photos), 50{NBSP}% of them" in dialog.result.notes.text()
    choices.way.setCurrentIndex(choices.way.findData(Way.RANDOM))
    choices.share.setValue(25)
    dialog.start.click()
    assert dialog.result.headline.text().startswith("Of 6 hidden photos ")


def test_what_cannot_be_hidden_is_told_in_the_dialog(
    qtbot: QtBot, engine: Engine, root: Path, parent: QWidget
) -> None:
    dialog = opened(qtbot, engine, root, parent)
    dialog.choices.folder.setCurrentIndex(2)
    dialog.choices.way.setCurrentIndex(dialog.choices.way.findData(Way.DAYS))
    dialog.start.click()
    assert "GPS of two days" in dialog.status.text()
    assert dialog.start.isEnabled() and not dialog.bar.isVisible()


def test_without_gps_it_says_what_to_do(
    qtbot: QtBot, engine: Engine, parent: QWidget, tmp_path: Path
) -> None:
    folder = tmp_path / "camera"
    make_album(folder, tuple(shot for shot in LISBON if not shot.tagged)[:3], size=(96, 72))
    list(scan_folder(engine.catalog, folder, workers=1))
    dialog = opened(qtbot, engine, folder, parent)
    assert dialog.stack.currentWidget() is dialog.empty
    assert any("at least two" in label.text() for label in dialog.empty.findChildren(QLabel))
    assert not dialog.start.isEnabled() and not dialog.choices.isEnabled()
    with qtbot.waitSignal(dialog.open_asked):
        dialog.open.click()
    assert not dialog.isVisible()


class Endless(Engine):
    """An engine whose evaluation goes on until it is cancelled."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(catalog)
        self.evaluation.run = self._wait
        self.begun = threading.Event()
        self.token = CancelToken()

    def _wait(self, root, how, share, *, progress, cancel):
        self.token = cancel
        progress(Progress(3, 30, "Hiding and looking", "Lisbon"))
        self.begun.set()
        cancel.wait(LONG / 1000)


@pytest.fixture
def endless(tmp_path: Path, root: Path) -> Iterator[Endless]:
    made = Endless(Catalog.open(tmp_path / "catalog.sqlite"))
    list(scan_folder(made.catalog, root, workers=1))
    yield made
    made.close()


@pytest.fixture
def work(qtbot: QtBot, endless: Endless) -> Iterator[Work]:
    made = Work(on_thread_end=endless.catalog.release)
    yield made
    assert made.shutdown()


def running(qtbot: QtBot, endless: Endless, work: Work, root: Path) -> EvaluationDialog:
    """Return a dialog whose evaluation is under way, off the main thread."""
    dialog = EvaluationDialog(endless, work, root)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(dialog.start.isEnabled, timeout=LONG)
    dialog.start.click()
    qtbot.waitUntil(lambda: dialog.bar.value() == 100, timeout=LONG)
    return dialog


def test_it_shows_how_far_it_is_and_can_be_stopped(
    qtbot: QtBot, endless: Endless, work: Work, root: Path
) -> None:
    dialog = running(qtbot, endless, work, root)
    assert dialog.status.text() == "Hiding and looking, 3 of 30 rounds · Lisbon"
    assert dialog.running and not dialog.start.isEnabled() and not dialog.choices.isEnabled()
    dialog.stop.click()
    qtbot.waitUntil(lambda: not dialog.running, timeout=LONG)
    assert dialog.status.text() == "Stopped. Nothing was changed."
    assert dialog.start.isEnabled() and not dialog.stop.isEnabled()
    assert dialog.stack.currentWidget() is dialog.before


def test_closing_while_it_runs_stops_it_unheard(
    qtbot: QtBot, endless: Endless, work: Work, root: Path
) -> None:
    dialog = running(qtbot, endless, work, root)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible() and endless.token.cancelled
    qtbot.waitUntil(lambda: not work.busy, timeout=LONG)


def test_a_fault_is_handed_on_and_the_dialog_stays_usable(
    qtbot: QtBot, engine: Engine, root: Path, parent: QWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = SynchronousWork(parent=parent)
    dialog = EvaluationDialog(engine, work, root, parent)
    faults: list[object] = []
    work.failed_unheard.connect(faults.append)

    def broken(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(engine.evaluation, "run", broken)
    dialog.start.click()
    assert [str(one) for one in faults] == ["broken"]
    assert dialog.start.isEnabled() and "nothing was changed" in dialog.status.text()


def test_a_report_is_saved_as_page_or_picture_and_a_table_copied(
    qtbot: QtBot,
    engine: Engine,
    root: Path,
    parent: QWidget,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dialog = opened(qtbot, engine, root, parent)
    dialog.start.click()
    dialog.save_to(tmp_path / "report.png")
    assert QImage(str(tmp_path / "report.png")).width() > 1000
    answer = (str(tmp_path / "report"), "Page with words, plots and tables (*.html)")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a: answer)
    dialog.save.click()
    assert "Of 24 hidden photos" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert str(tmp_path / "report.html") in dialog.status.text()
    (tmp_path / "report.html").write_text("mine")
    dialog.save.click()
    assert "choose another name" in dialog.status.text()
    assert (tmp_path / "report.html").read_text() == "mine"
    dialog.save_to(tmp_path / "missing" / "report.html")
    assert "cannot be written" in dialog.status.text()
    dialog.copy.click()
    lines = QApplication.clipboard().text().splitlines()
    assert lines[0].startswith("Method\t≤ 0.1 km") and lines[1].startswith("This program\t")
    dialog.result.tabs.setCurrentIndex(3)
    dialog.copy.click()
    assert QApplication.clipboard().text().splitlines()[1].startswith("Lisbon\t18\t")


def test_a_report_never_gets_the_name_of_a_photo() -> None:
    page, picture = "Page with words, plots and tables (*.html)", "Picture of the plots (*.png)"
    assert with_ending(Path("a/IMG_1.jpg"), page) == Path("a/IMG_1.jpg.html")
    assert with_ending(Path("a/x"), picture) == Path("a/x.png")
    assert with_ending(Path("a/x.PNG"), page) == Path("a/x.PNG")


def test_keys_alone_do_it_and_everything_has_a_name(
    qtbot: QtBot, engine: Engine, root: Path, parent: QWidget
) -> None:
    dialog = opened(qtbot, engine, root, parent)
    dialog.activateWindow()
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert dialog.result.score is not None
    seen: list[QWidget] = []
    widget = dialog.nextInFocusChain()
    while widget is not dialog and widget not in seen:
        seen.append(widget)
        widget = widget.nextInFocusChain()
    reached = [
        one
        for one in seen
        if one.focusPolicy() & Qt.FocusPolicy.TabFocus and one.isVisibleTo(dialog)
    ]
    for one in (
        dialog.choices.folder, dialog.choices.way, dialog.choices.share, dialog.start,
        dialog.stop, dialog.save, dialog.copy, dialog.result.headline, dialog.result.tabs.tabBar(),
    ):  # fmt: skip
        assert one in reached
    inside = dialog.choices.share.lineEdit()  # is told as the spin box around it
    for one in (one for one in reached if one is not inside):
        assert QAccessible.queryAccessibleInterface(one).text(QAccessible.Text.Name), one
