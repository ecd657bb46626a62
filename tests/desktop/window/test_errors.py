"""Catalogs that cannot be used, crashes that left something, faults of the program."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from desktop.errors import ErrorDialog, FaultCatcher, dialog_for, report_of
from desktop.starting import open_window, recovery_dialog
from geotagger.errors import CatalogCorruptError, CatalogError, CatalogTooNewError, FolderError
from geotagger.library.catalog import Catalog
from geotagger.library.journal import Recovered


def test_a_catalog_of_a_newer_version_is_refused_with_what_to_do(qtbot, tmp_path):
    path = tmp_path / "catalog.sqlite"
    Catalog.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 9999")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(CatalogTooNewError) as caught:
        open_window(path)
    dialog = dialog_for(caught.value)
    qtbot.addWidget(dialog)
    assert "newer version" in dialog.texts[0]
    assert str(path) in dialog.texts
    assert "--catalog" in dialog.texts[-1]
    assert not dialog.report
    assert path.read_bytes() == before


def test_a_damaged_catalog_is_refused_and_left_as_it_is(qtbot, tmp_path):
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(b"SQLite format 3\x00" + b"damaged" * 1000)
    before = path.read_bytes()
    with pytest.raises(CatalogCorruptError) as caught:
        open_window(path)
    dialog = dialog_for(caught.value)
    qtbot.addWidget(dialog)
    assert str(path) in dialog.texts
    assert path.read_bytes() == before


def test_a_catalog_whose_folder_cannot_be_made_is_told(qtbot, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(CatalogError) as caught:
        open_window(tmp_path / "file" / "catalog.sqlite")
    dialog = dialog_for(caught.value)
    qtbot.addWidget(dialog)
    assert "--catalog" in dialog.texts[-1]


def test_an_error_of_the_user_comes_without_a_report(qtbot):
    error = FolderError("There is no such folder.", path=Path("/a/b"), remedy="Choose another.")
    dialog = dialog_for(error)
    qtbot.addWidget(dialog)
    assert dialog.texts == ["There is no such folder.", "/a/b", "Choose another."]


def test_a_fault_comes_with_a_report_that_can_be_copied(qtbot):
    try:
        raise ZeroDivisionError("the fault")
    except ZeroDivisionError as error:
        dialog = dialog_for(error)
        report = report_of(error)
    qtbot.addWidget(dialog)
    dialog.show()
    assert "the fault" in report
    assert "test_errors.py" in report
    qtbot.mouseClick(dialog.copy_button, Qt.MouseButton.LeftButton)
    assert QApplication.clipboard().text() == report


def test_an_exception_that_nobody_caught_is_shown_one_at_a_time(qtbot, monkeypatch):
    monkeypatch.setattr("sys.excepthook", None)
    monkeypatch.setattr("threading.excepthook", None)
    shown: list[Exception] = []
    catcher = FaultCatcher(shown.append)
    catcher.install()
    import sys

    error = RuntimeError("uncaught")
    sys.excepthook(RuntimeError, error, None)
    qtbot.waitUntil(lambda: shown == [error])


def test_what_a_crash_left_is_told_with_each_file(qtbot, desk):
    window = desk.open(wait=False)
    found = [
        Recovered(1, Path("/p/a.jpg"), Path("/p/a.jpg"), "finished"),
        Recovered(1, Path("/p/b.jpg"), Path("/p/b.jpg"), "rolled back"),
        Recovered(1, Path("/p/c.jpg"), Path("/p/c.jpg"), "unclear", "It was changed since."),
    ]
    dialog = recovery_dialog(found, window)
    text = "\n".join(dialog.texts)
    assert "3 files" in text
    assert "/p/a.jpg: the write had reached the file" in text
    assert "/p/b.jpg: the file is as it was before" in text
    assert "/p/c.jpg: left as it is. It was changed since." in text
    dialog.close()


def test_a_fault_in_background_work_reaches_the_window(qtbot, desk, album, monkeypatch):
    window = desk.open(album)
    window.work.failed_unheard.connect(window.show_error)

    def broken(photo_id: int) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(window.engine, "details", broken)
    window.review.show(window.panes.model.photo(3).id)
    qtbot.waitUntil(lambda: window.findChild(ErrorDialog) is not None)
    dialog = window.findChild(ErrorDialog)
    assert "broken on purpose" in dialog.report
    dialog.close()
    monkeypatch.undo()
    assert [str(fault) for fault in desk.faults] == ["broken on purpose"]
    desk.faults.clear()
