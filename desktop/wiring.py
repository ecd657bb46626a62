"""The wires of the main window: what each command calls, which signal goes where."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from desktop import commands, theme
from desktop.help import AboutDialog, ShortcutSheet
from desktop.library.problems import ProblemsDialog
from desktop.review.doubts import DoubtsDialog
from desktop.settings.privacy import PrivacyDialog

if TYPE_CHECKING:
    from desktop.window import MainWindow


def handlers(window: MainWindow) -> dict[str, Callable[[], object]]:
    """Return what each command does."""
    panes = window.panes
    review = window.review
    handlers: dict[str, Callable[[], object]] = {
        "open_folder": window.ask_folder,
        "rescan": window.library.scan,
        "analyse": window.library.analyse,
        "stop": window.library.stop,
        "problems": lambda: show_problems(window),
        "write": window.write,
        "history": window.writes.history,
        "quit": window.close,
        "undo": review.undo_stack.undo,
        "redo": review.undo_stack.redo,
        "copy_place": review.copy_place,
        "paste_place": review.paste_place,
        "find": lambda: panes.top.search.setFocus(Qt.FocusReason.ShortcutFocusReason),
        "models": window.show_models,
        "preferences": window.show_preferences,
        "larger": window.toggle_larger,
        "bigger_thumbnails": lambda: panes.grid.step_cell_size(1),
        "smaller_thumbnails": lambda: panes.grid.step_cell_size(-1),
        "accept": review.accept,
        "reject": review.reject,
        "later": review.later,
        "why_here": lambda: window.why.toggle(review.details, review.proposal),
        "next_open": lambda: window.step_open(1),
        "previous_open": lambda: window.step_open(-1),
        "accept_confident": window.accept_confident,
        "clocks": window.show_clocks,
        "doubts": lambda: show_doubts(window),
        "evaluate": window.show_evaluation,
        "marker_to_centre": window.map_link.marker_to_centre,
        "type_coordinates": window.asking.type_coordinates,
        "search_place": window.asking.search_place,
        "show_all": window.map_link.show_all,
        "shortcuts": lambda: ShortcutSheet(window.commands.sheet(), window).show(),
        "privacy": lambda: window.open_dialog(PrivacyDialog(window.engine, window.work, window)),
        "about": lambda: AboutDialog(window).show(),
    }
    for number in range(5):
        handlers[f"choose_{number + 1}"] = lambda index=number: review.choose(index)
    return handlers


def show_problems(window: MainWindow) -> None:
    """Show what could not be read."""
    dialog = ProblemsDialog(window.library.problems, theme.current().dark, window)
    dialog.again_asked.connect(lambda: window.library.scan(again=True))
    window.open_dialog(dialog)


def show_doubts(window: MainWindow) -> None:
    """Open the list of photos whose GPS disagrees with their neighbours."""
    root = window.library.root
    if root is None:
        return
    dialog = DoubtsDialog(window.doubts.rows, root, theme.current().dark, window)
    dialog.photo_chosen.connect(lambda photo_id: _go_to(window, photo_id))
    window.open_dialog(dialog)
    window.doubts.seen()


def _go_to(window: MainWindow, photo_id: int) -> None:
    """Go to a photo; where another album or filter hides it, show all of them first."""
    grid = window.panes.grid
    if grid.go_to_photo(photo_id):
        return

    def shown(_snapshot: object) -> None:
        if grid.go_to_photo(photo_id):
            window.library.snapshot_taken.disconnect(shown)

    window.library.snapshot_taken.connect(shown)
    window.show_everything()


def connect(window: MainWindow) -> None:
    """Connect panes, controllers and window."""
    panes, library, review = window.panes, window.library, window.review
    top = panes.top
    top.open_asked.connect(window.ask_folder)
    top.write_asked.connect(window.write)
    top.search_changed.connect(lambda words: library.show(search=words))
    top.activity.paused.connect(library.pause)
    top.activity.resumed.connect(library.resume)
    top.activity.stopped.connect(library.stop)
    panes.library.album_chosen.connect(window.choose_album)
    panes.library.filter_chosen.connect(window.choose_filter)
    library.folder_opened.connect(window.on_opened)
    library.snapshot_taken.connect(window.on_snapshot)
    library.activity_changed.connect(window.on_activity)
    library.problems_changed.connect(window.on_problems)
    library.thumbnails_stale.connect(panes.thumbnails.forget)
    library.settled.connect(window.review.reload)
    library.folder_opened.connect(window.clocks.open)
    library.settled.connect(window.clocks.refresh)
    window.clocks.changed.connect(window.on_clocks)
    library.folder_opened.connect(window.doubts.open)
    library.settled.connect(window.doubts.refresh)
    window.doubts.changed.connect(window.on_doubts)
    panes.grid.photo_changed.connect(window.on_photo)
    panes.grid.selectionModel().selectionChanged.connect(window.on_selection)
    panes.grid.doubleClicked.connect(lambda _index: window.toggle_larger())
    panes.photo.toggled.connect(window.toggle_larger)
    panes.photo.moved.connect(lambda by: panes.grid.go_to(panes.grid.currentIndex().row() + by))
    review.details_changed.connect(panes.candidates.show_details)
    review.details_changed.connect(window.on_details)
    review.proposal_changed.connect(panes.candidates.show_proposal)
    review.proposal_changed.connect(window.on_proposal)
    review.rows_changed.connect(window.on_rows)
    review.decided.connect(library.recount)
    review.advance.connect(lambda: window.step_open(1))
    review.photo_wanted.connect(panes.grid.go_to_photo)
    review.said.connect(lambda text: window.statusBar().showMessage(text, 6000))
    review.copied.connect(lambda: window.commands.set_condition(commands.COPIED, True))
    review.undo_stack.canUndoChanged.connect(
        lambda can: window.commands.set_condition(commands.CAN_UNDO, can)
    )
    review.undo_stack.canRedoChanged.connect(
        lambda can: window.commands.set_condition(commands.CAN_REDO, can)
    )
    review.proposal_changed.connect(lambda now: window.why.follow(review.details, now))
    window.why.shown_changed.connect(window.commands.actions["why_here"].setChecked)
    panes.candidates.chosen.connect(review.choose)
    panes.candidates.accept.connect(review.accept)
    panes.candidates.reject.connect(review.reject)
    panes.candidates.later.connect(review.later)
    panes.map.photo_chosen.connect(panes.grid.go_to_photo)
    for signal in (panes.map.photo_chosen, panes.map.candidate_chosen):
        signal.connect(lambda _id: panes.grid.setFocus())
    for signal in (panes.map.marker_dragged, panes.map.map_clicked):
        signal.connect(lambda _lat, _lon: panes.grid.setFocus())
    window.writes.files_changed.connect(window.on_files_changed)
    window.problems_button.clicked.connect(lambda: show_problems(window))
    for source in (
        library.failed,
        review.failed,
        window.writes.failed,
        window.asking.failed,
        window.clocks.failed,
        window.doubts.failed,
    ):
        source.connect(window.show_error)
