"""The main window: panes, a controller for each feature, commands, and the wires between them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QItemSelection, QSize, Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QLabel, QMainWindow, QPushButton

from desktop import commands, theme, wiring, wording
from desktop.commands import CommandSet
from desktop.engine import Engine
from desktop.errors import dialog_for
from desktop.evaluation.dialog import EvaluationDialog
from desktop.library.activity import Activity, Phase
from desktop.library.controller import LibraryController
from desktop.library.notices import describe_empty
from desktop.library.snapshot import Query, Snapshot
from desktop.notices import choose_notice
from desktop.panes import Panes
from desktop.review.asking import ReviewDialogs
from desktop.review.clocks import ClocksController, notice_text
from desktop.review.clocks_dialog import ClocksDialog
from desktop.review.controller import ReviewController
from desktop.review.doubts import DoubtsController
from desktop.review.map_link import MapLink
from desktop.review.stepping import next_open
from desktop.review.why import WhyController
from desktop.settings.models import ModelsDialog
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
        self._wired = False
        self.setWindowTitle("Photo Geotagger")
        self.setAcceptDrops(True)
        self.resize(QSize(1360, 840).boundedTo(self.screen().availableSize()))
        self.engine, self.work, self.settings = engine, work, settings
        self.dialog: QDialog | None = None
        self.panes = Panes(engine, work)
        self.setCentralWidget(self.panes)
        self.library = LibraryController(engine, work, self)
        self.review = ReviewController(engine, work, self.panes.grid.selected_ids, self)
        self.writes = WriteController(engine, work, self, settings.write_options)
        self.map_link = MapLink(self.panes.map, self.review, work, self)
        self.clocks = ClocksController(
            engine, work, self.review.undo_stack, self.review.suggest_again, self
        )
        self.doubts = DoubtsController(engine, work, self)
        self.why = WhyController(engine, work, self.panes.photo, self)
        self.asking = ReviewDialogs(engine, work, self.review, self)
        self.commands = CommandSet(self, wiring.handlers(self))
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
        self._first_shown = -1
        self._shown_query: Query | None = None
        wiring.connect(self)
        self._wired = True
        self._restore()
        self._show_empty()
        self.look_for_models()

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

    def show_preferences(self) -> None:
        """Open the preferences."""
        dialog = PreferencesDialog(self.settings, self.engine, self.work, self)
        dialog.theme_changed.connect(self.apply_theme)
        dialog.model_installed.connect(self._on_model_installed)
        self.open_dialog(dialog)

    def show_clocks(self) -> None:
        """Open the clocks of the cameras."""
        self.clocks.refresh()
        self.open_dialog(ClocksDialog(self.clocks, self))

    def show_evaluation(self) -> None:
        """Open what tells how good suggestions are on the user's own photos."""
        if self.library.root is not None:
            dialog = EvaluationDialog(self.engine, self.work, self.library.root, self)
            dialog.open_asked.connect(self.ask_folder)
            self.open_dialog(dialog)

    def show_models(self) -> None:
        """Open the list of models."""
        dialog = ModelsDialog(self.engine, self.work, self)
        dialog.changed.connect(self._on_model_installed)
        self.open_dialog(dialog)

    def show_error(self, error: Exception) -> None:
        """Tell an error in a dialog."""
        dialog_for(error, self).show()

    def apply_theme(self) -> None:
        """Use the palette that the settings say."""
        theme.apply(QApplication.instance(), self.settings.theme)
        self._follow_palette()

    def look_for_models(self) -> None:
        """Find out whether a model is installed, for the status line and the notice."""

        def done(name: str) -> None:
            self._has_model = bool(name)
            self.model_label.setText(f"Model: {name}" if name else "No model")
            self._show_notice()

        def look(_context: object) -> str:
            model = self.engine.model()
            return "" if model is None else model.name

        self.work.latest("models", INTERACTIVE, look, owner=self, done=done)

    # -- what the controllers tell

    def choose_album(self, album: str | None) -> None:
        """Show one album, or all."""
        self.settings.album = album
        self.library.show(album=album)

    def choose_filter(self, filter_id: str) -> None:
        """Show the photos of a filter."""
        self.settings.filter = filter_id
        self.library.show(filter=filter_id)

    def on_opened(self, root: Path) -> None:
        """Begin anew for another folder."""
        if root != self.settings.last_folder:
            self.settings.album = None
        self.settings.last_folder = root
        self.setWindowTitle(f"{printable(root)} – Photo Geotagger")
        self.review.undo_stack.clear()
        self.panes.model.show(None)
        self.review.show(-1)
        self.commands.set_condition(commands.FOLDER, True)
        self._show_empty()

    def on_snapshot(self, snapshot: Snapshot) -> None:
        """Show what the catalog told."""
        panes = self.panes
        before = panes.grid.current_photo()
        # Another choice of photos begins with its first, unless the current one is among them.
        first = before is None or (
            snapshot.query != self._shown_query and before.id not in snapshot.row_of
        )
        self._shown_query = snapshot.query
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
        self._show_empty()
        if snapshot.rows and (first or self._follows_first(snapshot)):
            panes.grid.go_to(0)
            self._first_shown = snapshot.rows[0].id
            if first and QApplication.focusWidget() is not panes.top.search:
                panes.grid.setFocus()
        self.map_link.show_snapshot(snapshot)
        current = panes.grid.current_photo()
        panes.photo.show_photo(current)
        if current is not None and self.review.details is not None:
            details = self.review.details
            if details.row.id == current.id and details.row != current:
                self.review.reload()

    def _follows_first(self, snapshot: Snapshot) -> bool:
        """Whether nobody has moved since the first photo came up, and earlier ones came in."""
        current = self.panes.grid.current_photo()
        return (
            self.library.activity.phase is Phase.SCANNING
            and current is not None
            and current.id == self._first_shown
            and snapshot.rows[0].id != current.id
        )

    def on_activity(self, activity: Activity) -> None:
        """Show what goes on in the background."""
        self.panes.top.activity.show_activity(activity)
        self.commands.set_condition(commands.SCANNED, activity.phase in {Phase.IDLE, Phase.PAUSED})
        self._show_empty()

    def on_problems(self, count: int) -> None:
        """Say how many files could not be read."""
        self.problems_button.setText(f"{wording.files(count)} could not be read")
        self.problems_button.setVisible(count > 0)

    def on_photo(self, photo_id: int) -> None:
        """Bring up the photo with the cursor."""
        row = self.panes.grid.current_photo()
        self.panes.photo.show_photo(row)
        self.commands.set_condition(commands.PHOTO, row is not None)
        self.review.show(photo_id)

    def on_selection(self, _now: QItemSelection, _before: QItemSelection) -> None:
        """Show the selected photos on the map."""
        self.panes.map.highlight_photos(self.panes.grid.selected_ids()[:1000])

    def on_details(self, _details: object) -> None:
        """Enable what can be done with the photo."""
        self.commands.set_condition(commands.PLACEABLE, self.review.placeable)

    def on_proposal(self, proposal: object) -> None:
        """Enable what can be done with the place."""
        self.commands.set_condition(commands.PROPOSAL, proposal is not None)

    def on_rows(self, rows: list[PhotoRow]) -> None:
        """Show rows that changed."""
        self.library.patch(rows)
        self.panes.model.patch(rows)
        self.panes.photo.show_photo(self.panes.grid.current_photo())

    def on_clocks(self) -> None:
        """Ask for a word on the clocks, or ask no longer."""
        self._show_notice()

    def on_doubts(self) -> None:
        """Tell where GPS disagrees with its neighbours."""
        self.panes.candidates.show_doubts({row.photo_id: row.words for row in self.doubts.rows})
        self._show_notice()

    def on_files_changed(self) -> None:
        """Show the files as they are after a write."""
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
            show_all=self.show_everything,
        )
        panes.stack.setCurrentWidget(panes.empty if empty else panes.grid)
        panes.photo.setVisible(not empty)
        self._show_notice()

    def show_everything(self) -> None:
        """Show all albums and states, whatever was chosen or searched."""
        self.panes.top.search.clear()
        self.panes.library.albums.setCurrentRow(0)
        self.panes.library.choose_filter("all")
        self.library.show(album=None, filter="all", search="")

    def _show_notice(self) -> None:
        library, clocks, doubts = self.library, notice_text(self.clocks.asking), self.doubts.notice
        notice = choose_notice(library.snapshot, library.analysed, self._has_model, clocks, doubts)
        actions = {
            "search": self.asking.search_place,
            "model": self.show_preferences,
            "clocks": self.show_clocks,
            "doubts": self.commands.actions["doubts"].trigger,
        }
        self.panes.banner.say(notice.text, notice.button, actions.get(notice.action))

    def open_dialog(self, dialog: QDialog) -> None:
        """Show a dialog in front of the window."""
        self.dialog = dialog
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setModal(True)
        dialog.show()

    def _dark(self) -> bool:
        return theme.current().dark

    def _follow_palette(self) -> None:
        self.panes.map.set_dark(self._dark())
        self.panes.candidates.show_details(self.review.details)
        self.panes.candidates.show_proposal(self.review.proposal)

    def _restore(self) -> None:
        self.panes.restore(self.settings)
        geometry = self.settings.blob("window")
        if not geometry.isEmpty():
            self.restoreGeometry(geometry)
        self.panes.library.choose_filter(self.settings.filter)
        self.apply_theme()

    # -- what Qt tells

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._wired:
            self._follow_palette()

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
