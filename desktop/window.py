"""The main window: panes, a controller for each feature, commands, and the wires between them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QItemSelection, Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QLabel, QMainWindow, QPushButton

from desktop import commands, theme, wording
from desktop.commands import CommandSet
from desktop.engine import Engine
from desktop.errors import dialog_for
from desktop.help import AboutDialog, ShortcutSheet
from desktop.library.activity import Activity, Phase
from desktop.library.controller import LibraryController
from desktop.library.notices import describe_empty
from desktop.library.problems import ProblemsDialog
from desktop.library.snapshot import Snapshot
from desktop.notices import choose_notice
from desktop.panes import Panes
from desktop.review.asking import ReviewDialogs
from desktop.review.controller import ReviewController
from desktop.review.map_link import MapLink
from desktop.review.stepping import next_open
from desktop.settings.preferences import PreferencesDialog
from desktop.settings.store import Settings
from desktop.work import INTERACTIVE, Work
from desktop.write.controller import WriteController
from geotagger.errors import printable
from geotagger.library.rows import PhotoRow, PhotoState

SHUTDOWN_S = 10.0


class MainWindow(QMainWindow):
    """The whole application in one window."""

    def __init__(self, engine: Engine, work: Work, settings: Settings) -> None:
        super().__init__()
        self.setWindowTitle("Photo Geotagger")
        self.setAcceptDrops(True)
        self.resize(1360, 840)
        self.engine, self.work, self.settings = engine, work, settings
        self.dialog: QDialog | None = None
        self.panes = Panes(engine, work)
        self.setCentralWidget(self.panes)
        self.library = LibraryController(engine, work, self)
        self.review = ReviewController(engine, work, self.panes.grid.selected_ids, self)
        self.writes = WriteController(engine, work, self, lambda: settings.sidecar)
        self.map_link = MapLink(self.panes.map, self.review, work, self)
        self.asking = ReviewDialogs(engine, work, self.review, self)
        self.commands = CommandSet(self, self._handlers())
        self.commands.fill(self.menuBar())
        self.status = QLabel()
        self.problems_button = QPushButton(flat=True)
        self.problems_button.hide()
        self.model_label = QLabel()
        self.statusBar().addWidget(self.status, 1)
        self.statusBar().addPermanentWidget(self.problems_button)
        self.statusBar().addPermanentWidget(self.model_label)
        self.statusBar().setContentsMargins(8, 0, 8, 0)
        self._has_model: bool | None = None
        self._going = False
        self._wire()
        self._restore()
        self._show_empty()
        self.look_for_models()

    def _handlers(self) -> dict[str, Callable[[], object]]:
        panes = self.panes
        review = self.review
        handlers: dict[str, Callable[[], object]] = {
            "open_folder": self.ask_folder,
            "rescan": self.library.scan,
            "analyse": self.library.analyse,
            "stop": self.library.stop,
            "problems": self.show_problems,
            "write": self.write,
            "history": self.writes.history,
            "quit": self.close,
            "undo": review.undo_stack.undo,
            "redo": review.undo_stack.redo,
            "copy_place": review.copy_place,
            "paste_place": review.paste_place,
            "find": lambda: panes.top.search.setFocus(Qt.FocusReason.ShortcutFocusReason),
            "preferences": self.show_preferences,
            "larger": self.toggle_larger,
            "bigger_thumbnails": lambda: panes.grid.step_cell_size(1),
            "smaller_thumbnails": lambda: panes.grid.step_cell_size(-1),
            "accept": review.accept,
            "reject": review.reject,
            "later": review.later,
            "next_open": lambda: self.step_open(1),
            "previous_open": lambda: self.step_open(-1),
            "accept_confident": self.accept_confident,
            "marker_to_centre": self.map_link.marker_to_centre,
            "type_coordinates": self.asking.type_coordinates,
            "search_place": self.asking.search_place,
            "show_all": self.map_link.show_all,
            "shortcuts": lambda: ShortcutSheet(self.commands.sheet(), self).show(),
            "about": lambda: AboutDialog(self).show(),
        }
        for number in range(5):
            handlers[f"choose_{number + 1}"] = lambda index=number: review.choose(index)
        return handlers

    def _wire(self) -> None:
        panes, library, review = self.panes, self.library, self.review
        top = panes.top
        top.open_asked.connect(self.ask_folder)
        top.write_asked.connect(self.write)
        top.search_changed.connect(lambda words: library.show(search=words))
        top.activity.paused.connect(library.pause)
        top.activity.resumed.connect(library.resume)
        top.activity.stopped.connect(library.stop)
        panes.library.album_chosen.connect(self._choose_album)
        panes.library.filter_chosen.connect(self._choose_filter)
        library.folder_opened.connect(self._on_opened)
        library.snapshot_taken.connect(self._on_snapshot)
        library.activity_changed.connect(self._on_activity)
        library.problems_changed.connect(self._on_problems)
        library.thumbnails_stale.connect(panes.thumbnails.forget)
        library.settled.connect(self.review.reload)
        panes.grid.photo_changed.connect(self._on_photo)
        panes.grid.selectionModel().selectionChanged.connect(self._on_selection)
        panes.grid.doubleClicked.connect(lambda _index: self.toggle_larger())
        panes.photo.toggled.connect(self.toggle_larger)
        panes.photo.moved.connect(lambda by: panes.grid.go_to(panes.grid.currentIndex().row() + by))
        review.details_changed.connect(panes.candidates.show_details)
        review.details_changed.connect(self._on_details)
        review.proposal_changed.connect(panes.candidates.show_proposal)
        review.proposal_changed.connect(self._on_proposal)
        review.rows_changed.connect(self._on_rows)
        review.decided.connect(library.refresh)
        review.advance.connect(lambda: self.step_open(1))
        review.photo_wanted.connect(panes.grid.go_to_photo)
        review.said.connect(lambda text: self.statusBar().showMessage(text, 6000))
        review.copied.connect(lambda: self.commands.set_condition(commands.COPIED, True))
        review.undo_stack.canUndoChanged.connect(
            lambda can: self.commands.set_condition(commands.CAN_UNDO, can)
        )
        review.undo_stack.canRedoChanged.connect(
            lambda can: self.commands.set_condition(commands.CAN_REDO, can)
        )
        panes.candidates.chosen.connect(review.choose)
        panes.candidates.accept.connect(review.accept)
        panes.candidates.reject.connect(review.reject)
        panes.candidates.later.connect(review.later)
        panes.map.photo_chosen.connect(panes.grid.go_to_photo)
        for signal in (panes.map.photo_chosen, panes.map.candidate_chosen):
            signal.connect(lambda _id: panes.grid.setFocus())
        for signal in (panes.map.marker_dragged, panes.map.map_clicked):
            signal.connect(lambda _lat, _lon: panes.grid.setFocus())
        self.writes.files_changed.connect(self._on_files_changed)
        self.problems_button.clicked.connect(self.show_problems)
        for source in (library.failed, review.failed, self.writes.failed, self.asking.failed):
            source.connect(self.show_error)

    # -- what the user asks for

    def open_folder(self, folder: Path) -> None:
        """Open a folder; the album and filter of last time hold for the folder of last time."""
        same = folder == self.settings.last_folder
        album = self.settings.album if same else None
        self.panes.library.choose_filter(self.settings.filter if same else "all")
        self.panes.top.search.clear()
        self.library.open(folder, album=album, filter_id=self.settings.filter if same else "all")

    def ask_folder(self) -> None:
        """Let the user choose a folder."""
        start = self.library.root or self.settings.last_folder or Path.home()
        chosen = QFileDialog.getExistingDirectory(self, "Open folder", printable(start))
        if chosen:
            self.open_folder(Path(chosen))

    def write(self) -> None:
        """Show what writing would do."""
        if self.library.root is not None:
            self.writes.preview(self.library.root)

    def accept_confident(self) -> None:
        """Show the confident suggestions of what is shown, to accept them all."""
        query = self.library.query
        if query is not None:
            self.asking.accept_confident(query.root, query.album)

    def step_open(self, direction: int) -> None:
        """Go to the next photo, or the one before, that waits for a decision."""
        row = next_open(
            self.panes.model.photos,
            self.panes.grid.currentIndex().row(),
            direction,
            set(self.panes.grid.selected_ids()),
        )
        if row is None:
            self.statusBar().showMessage("No photo is left to review here.", 6000)
        else:
            self.panes.grid.go_to(row)

    def toggle_larger(self) -> None:
        """Show the photo larger, or as before."""
        larger = not self.panes.larger
        self.panes.show_larger(larger)
        self.commands.actions["larger"].setChecked(larger)

    def show_problems(self) -> None:
        """Show what could not be read."""
        dialog = ProblemsDialog(self.library.problems, self._dark(), self)
        dialog.again_asked.connect(lambda: self.library.scan(again=True))
        self._open(dialog)

    def show_preferences(self) -> None:
        """Open the preferences."""
        dialog = PreferencesDialog(self.settings, self.engine, self.work, self)
        dialog.theme_changed.connect(self.apply_theme)
        dialog.model_installed.connect(self._on_model_installed)
        self._open(dialog)

    def show_error(self, error: Exception) -> None:
        """Tell an error in a dialog."""
        dialog_for(error, self).show()

    def apply_theme(self) -> None:
        """Use the palette that the settings say."""
        theme.apply(QApplication.instance(), self.settings.theme)
        self.panes.map.set_dark(self._dark())
        self.panes.candidates.show_details(self.review.details)
        self.panes.candidates.show_proposal(self.review.proposal)

    def look_for_models(self) -> None:
        """Find out whether a model is installed, for the status line and the notice."""

        def done(models: list[object]) -> None:
            names = [model.name for model in models if model.config is not None]  # type: ignore[attr-defined]
            self._has_model = bool(names)
            self.model_label.setText(f"Model: {names[0]}" if names else "No model")
            self._show_notice()

        self.work.latest(
            "models", INTERACTIVE, lambda _context: self.engine.models(), owner=self, done=done
        )

    # -- what the controllers tell

    def _choose_album(self, album: str | None) -> None:
        self.settings.album = album
        self.library.show(album=album)

    def _choose_filter(self, filter_id: str) -> None:
        self.settings.filter = filter_id
        self.library.show(filter=filter_id)

    def _on_opened(self, root: Path) -> None:
        if root != self.settings.last_folder:
            self.settings.album = None
        self.settings.last_folder = root
        self.setWindowTitle(f"{printable(root)} – Photo Geotagger")
        self.review.undo_stack.clear()
        self.panes.model.show(None)
        self.review.show(-1)
        self.commands.set_condition(commands.FOLDER, True)
        self._show_empty()

    def _on_snapshot(self, snapshot: Snapshot) -> None:
        panes = self.panes
        first = panes.model.rowCount() == 0
        panes.library.show_albums(snapshot.albums, snapshot.query.album)
        panes.library.show_counts(snapshot.counts)
        panes.model.show(snapshot)
        self.status.setText(wording.status_line(snapshot.all_counts))
        accepted = sum(
            snapshot.all_counts.get(state, 0) for state in (PhotoState.ACCEPTED, PhotoState.FAILED)
        )
        panes.top.show_accepted(accepted)
        self.commands.set_condition(commands.ACCEPTED, accepted > 0)
        self.commands.set_condition(
            commands.CONFIDENT, snapshot.counts.get(PhotoState.CONFIDENT, 0) > 0
        )
        if first and snapshot.rows:
            panes.grid.go_to(0)
        self._show_empty()
        self.map_link.show_snapshot(snapshot)
        current = panes.grid.current_photo()
        panes.photo.show_photo(current)
        if current is not None and self.review.details is not None:
            details = self.review.details
            if details.row.id == current.id and details.row != current:
                self.review.reload()

    def _on_activity(self, activity: Activity) -> None:
        self.panes.top.activity.show_activity(activity)
        self.commands.set_condition(commands.SCANNED, activity.phase in {Phase.IDLE, Phase.PAUSED})
        self._show_empty()

    def _on_problems(self, count: int) -> None:
        self.problems_button.setText(f"{wording.files(count)} could not be read")
        self.problems_button.setVisible(count > 0)

    def _on_photo(self, photo_id: int) -> None:
        row = self.panes.grid.current_photo()
        self.panes.photo.show_photo(row)
        self.commands.set_condition(commands.PHOTO, row is not None)
        self.review.show(photo_id)

    def _on_selection(self, _now: QItemSelection, _before: QItemSelection) -> None:
        self.panes.map.highlight_photos(self.panes.grid.selected_ids()[:1000])

    def _on_details(self, _details: object) -> None:
        self.commands.set_condition(commands.PLACEABLE, self.review.placeable)

    def _on_proposal(self, proposal: object) -> None:
        self.commands.set_condition(commands.PROPOSAL, proposal is not None)

    def _on_rows(self, rows: list[PhotoRow]) -> None:
        self.panes.model.patch(rows)
        self.panes.photo.show_photo(self.panes.grid.current_photo())

    def _on_files_changed(self) -> None:
        self.review.undo_stack.clear()
        self.library.refresh()
        self.review.reload()

    def _on_model_installed(self) -> None:
        self.look_for_models()
        if self.library.activity.phase is Phase.IDLE:
            self.library.analyse()

    # -- inside

    def _show_empty(self) -> None:
        panes = self.panes
        empty = describe_empty(
            panes.empty,
            self.library.snapshot,
            self.library.activity,
            open_folder=self.ask_folder,
            show_all=self._show_everything,
        )
        panes.stack.setCurrentWidget(panes.empty if empty else panes.grid)
        panes.photo.setVisible(not empty)
        self._show_notice()

    def _show_everything(self) -> None:
        self.panes.top.search.clear()
        self.panes.library.albums.setCurrentRow(0)
        self.panes.library.choose_filter("all")
        self.library.show(album=None, filter="all", search="")

    def _show_notice(self) -> None:
        notice = choose_notice(self.library.snapshot, self.library.analysed, self._has_model)
        actions = {"search": self.asking.search_place, "model": self.show_preferences}
        self.panes.banner.say(notice.text, notice.button, actions.get(notice.action))

    def _open(self, dialog: QDialog) -> None:
        self.dialog = dialog
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setModal(True)
        dialog.show()

    def _dark(self) -> bool:
        return theme.colours(self.palette()).dark

    def _restore(self) -> None:
        self.panes.restore(self.settings)
        geometry = self.settings.blob("window")
        if not geometry.isEmpty():
            self.restoreGeometry(geometry)
        self.panes.library.choose_filter(self.settings.filter)
        self.apply_theme()

    # -- what Qt tells

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        folder = _dropped(event)
        if folder is not None:
            event.acceptProposedAction()
            self.open_folder(folder)

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self._going:
            self._going = True
            self.settings.set_blob("window", self.saveGeometry())
            self.panes.keep(self.settings)
            self.settings.sync()
            self.hide()
            # What is under way is cancelled; each file and each row is whole at any moment.
            if self.work.shutdown(SHUTDOWN_S):
                self.engine.close()
        super().closeEvent(event)


def _dropped(event: QDropEvent) -> Path | None:
    """Return the folder that was dropped, or the one that holds the file that was."""
    for url in event.mimeData().urls():
        if url.isLocalFile():
            path = Path(url.toLocalFile())
            return path if path.is_dir() else path.parent
    return None
