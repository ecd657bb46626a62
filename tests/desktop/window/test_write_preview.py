"""The preview shows each tag of the selected file, what will contradict, and how to reach it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSettings, Qt

from desktop.review.candidates import CandidatePanel
from desktop.settings.store import Settings
from desktop.write.preview import PreviewDialog
from desktop.write.results import ResultsDialog
from geotagger.errors import FileChangedError, WriteError
from geotagger.library import queries, writing
from geotagger.library.catalog import Catalog
from geotagger.library.scan import scan_folder
from geotagger.library.writing import UndoResult, WriteOptions, WritePlan, WriteResult, WriteTarget
from geotagger.photos.gps_write import GpsFix
from geotagger.photos.replace import stamp_of
from tests.photos.making import CAMERA, exif_bytes, jpeg_with_xmp, place, save, xmp

FIX = GpsFix(38.7142, -9.1331, 80.0)


def shown(qtbot, plan: WritePlan) -> PreviewDialog:
    dialog = PreviewDialog(plan)
    qtbot.addWidget(dialog)
    with qtbot.waitExposed(dialog):
        dialog.show()
    return dialog


def planned(*paths: Path) -> WritePlan:
    return writing.plan_writes([WriteTarget(path, FIX, stamp_of(path)) for path in paths])


def tags(dialog: PreviewDialog) -> dict[str, tuple[str, ...]]:
    return {line.cells[0]: line.cells[1:] for line in dialog.tags_model.lines}


def test_arrow_keys_show_the_tags_of_each_file(qtbot, tmp_path):
    plain = save(tmp_path / "a.jpg", exif=exif_bytes(CAMERA))
    tagged = save(tmp_path / "b.jpg", exif=exif_bytes(CAMERA, gps=place(1, 2) | {17: (271, 1)}))
    dialog = shown(qtbot, planned(plain, tagged))
    assert tags(dialog)["GPSLatitudeRef"] == ("New", "", "N")
    dialog.table.setFocus()
    qtbot.keyClick(dialog.table, Qt.Key.Key_Down)
    assert tags(dialog)["GPSLatitude"] == ("Changed", "1° 0′ 0″", "38° 42′ 51.12″")
    assert tags(dialog)["GPSImgDirection"] == ("Stays", "271", "271")
    qtbot.keyClick(dialog.table, Qt.Key.Key_Tab)
    assert dialog.tags.hasFocus()


def test_a_contradicting_packet_comes_first_with_its_warning(qtbot, tmp_path):
    plain = save(tmp_path / "a.jpg", exif=exif_bytes(CAMERA))
    packet = xmp("exif:GPSLatitude='1,0.0N' exif:GPSLongitude='2,0.0E'")
    odd = tmp_path / "b.jpg"
    odd.write_bytes(jpeg_with_xmp(packet, exif_bytes(CAMERA)))
    dialog = shown(qtbot, planned(plain, odd))
    assert dialog.model.lines[0].cells[:2] == ("b.jpg", "The file itself, with a warning")
    assert "XMP inside the file says another place" in dialog.about.text()
    assert "1 file with a warning" in dialog.summary.text()


def test_a_refused_file_has_its_reason_and_no_tags(qtbot, tmp_path):
    path = save(tmp_path / "a.jpg", exif=exif_bytes(CAMERA))
    plan = planned(path)
    path.write_bytes(path.read_bytes() + b"x")
    target = WriteTarget(path, FIX, plan.items[0].stamp)
    dialog = shown(qtbot, writing.plan_writes([target]))
    assert "changed by another program" in dialog.about.text()
    assert not dialog.tags.isVisible() and not dialog.write_button.isEnabled()


def test_preferences_of_writing_are_remembered(tmp_path):
    store = QSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat)
    settings = Settings(store)
    assert settings.write_options() == WriteOptions("auto", "extension", False)
    settings.sidecar_names, settings.place_names = "adobe", True
    settings.sync()
    again = Settings(QSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat))
    assert again.write_options() == WriteOptions("auto", "adobe", True)


def test_the_result_of_an_undo_says_per_file_what_stayed_and_why(qtbot, tmp_path):
    dialog = ResultsDialog("Undo a write", 2, "As it was before")
    qtbot.addWidget(dialog)
    path = tmp_path / "a.jpg"
    beside = tmp_path / "a.jpg.xmp"
    error = FileChangedError("It was changed.", path=beside, remedy="It was left as it is.")
    dialog.add([UndoResult(path, path, True, None), UndoResult(path, beside, False, error)])
    dialog.end()
    assert [line.cells[:2] for line in dialog.model.lines] == [
        ("a.jpg", "As it was before"),
        ("a.jpg: a.jpg.xmp", "It was changed. It was left as it is."),
    ]
    assert "1 failed; that file is left alone" in dialog.summary.text()


def test_a_write_that_could_not_begin_says_why_once(qtbot, tmp_path):
    dialog = ResultsDialog("Write 2 files", 2, "Written")
    qtbot.addWidget(dialog)
    busy = WriteError("Another window is writing right now.", remedy="Wait.")
    paths = [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    dialog.add([WriteResult(path, path, False, busy, 0, tried=False) for path in paths])
    dialog.end()
    assert [line.cells[1] for line in dialog.model.lines] == ["Not tried", "Not tried"]
    assert dialog.summary.text().count("Another window is writing right now. Wait.") == 1
    assert "failed" not in dialog.summary.text()


def test_the_candidates_tell_quietly_that_file_and_sidecar_disagree(qtbot, tmp_path):
    save(tmp_path / "a.jpg", exif=exif_bytes(CAMERA, gps=place(38.7, -9.1)))
    odd = xmp("exif:GPSLatitude='1,0.0N' exif:GPSLongitude='2,0.0E'")
    with Catalog.open(tmp_path / "c" / "catalog.sqlite") as catalog:
        for beside in (odd, xmp()):
            (tmp_path / "a.jpg.xmp").write_bytes(beside)
            list(scan_folder(catalog, tmp_path, workers=1))
            (row,) = queries.photos(catalog, tmp_path)
            panel = CandidatePanel()
            qtbot.addWidget(panel)
            panel.show_details(queries.details(catalog, row.id))
            assert ("disagree" in panel.disagreement.text()) is (beside is odd)
            assert panel.disagreement.isVisibleTo(panel) is (beside is odd)
