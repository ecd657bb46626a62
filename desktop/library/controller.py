"""Opening a folder: scan, then analysis, in the background, and the photos that are shown of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.engine import Engine
from desktop.library import snapshot
from desktop.library.activity import Activity, Meter, Phase
from desktop.library.filters import BY_ID
from desktop.library.snapshot import Query, Snapshot
from desktop.work import GENERAL, INTERACTIVE, Context, Job, Work, each
from geotagger.errors import GeotaggerError
from geotagger.library.listing import Listing
from geotagger.library.rows import PhotoRow
from geotagger.library.scan import ScanEvent, ScanOutcome, root_of

_REFRESH_MS = 300
_SLOWEST_MS = 3000
_PROBLEMS = frozenset({ScanOutcome.UNREADABLE, ScanOutcome.UNLISTABLE})


class LibraryController(QObject):
    """Holds what is open and shown; tells the panes through signals."""

    folder_opened = Signal(object)
    """Path: another folder was opened."""
    snapshot_taken = Signal(object)
    """Snapshot: what is to be shown now."""
    activity_changed = Signal(object)
    """Activity of the background."""
    problems_changed = Signal(int)
    """How many files and folders could not be read."""
    thumbnails_stale = Signal(list)
    """Photo ids whose file changed."""
    settled = Signal()
    """Scan and analysis have come to their end."""
    failed = Signal(object)
    """An error that the user has to hear of."""

    def __init__(self, engine: Engine, work: Work, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self._work = work
        self._query: Query | None = None
        self._meter = Meter()
        self._job: Job | None = None
        self._after_pause = Phase.SCANNING
        self._refresh_job: Job | None = None
        self._undone: Callable[[], None] = lambda: None
        """Has what a refresh took to be read kept for the next one."""
        self._read_once = threading.Event()
        """Set when what the catalog knows of the folder was read for the first time."""
        self._listing: Listing | None = None
        self._reload = True
        """Whether the listing is to be read anew altogether."""
        self._unread: set[int] = set()
        """Photos of the listing that changed since they were read."""
        self._patches: dict[int, PhotoRow] = {}
        """Rows that were told while a refresh was under way."""
        self._stale = False
        self._took_ms = 0.0
        self._again = QTimer(self, singleShot=True)
        self._again.timeout.connect(self._refresh_now)
        self.problems: list[ScanEvent] = []
        self.analysed = False
        """Whether the open folder was analysed to the end since it was opened."""
        self.snapshot: Snapshot | None = None

    # -- what is open and shown

    @property
    def root(self) -> Path | None:
        """The folder that is open."""
        return None if self._query is None else self._query.root

    @property
    def query(self) -> Query | None:
        """What is shown of it."""
        return self._query

    @property
    def activity(self) -> Activity:
        """What goes on in the background."""
        return self._meter.activity

    def open(self, folder: Path, *, album: str | None = None, filter_id: str = "all") -> None:
        """Open a folder: show what is known of it, scan it, analyse it."""
        self._drop_job()
        root = root_of(folder)
        self._query = Query(root, album, filter_id)
        self.snapshot = None
        self._listing, self._reload = None, True
        self._read_once = threading.Event()
        self.analysed = False
        self.problems = []
        self.problems_changed.emit(0)
        self.folder_opened.emit(root)
        self._refresh_now()
        self.scan()

    def show(self, **changes: object) -> None:
        """Show another album, filter or search: fields of `Query`."""
        if self._query is None:
            return
        query = replace(self._query, **changes)  # type: ignore[arg-type]
        if query != self._query:
            self._query = query
            self._refresh_now(at_once=True)

    def refresh(self, photo_ids: Collection[int] | None = None) -> None:
        """Show soon what the catalog says of some photos, or all; many calls make one refresh."""
        if self._query is None:
            return
        self._reload |= photo_ids is None
        self._unread.update(photo_ids or ())
        if self._refresh_job is not None and not self._refresh_job.finished:
            self._stale = True
        elif not self._again.isActive():
            # A large library is asked less often, so that asking never takes most of the time.
            self._again.start(max(_REFRESH_MS, min(_SLOWEST_MS, int(2 * self._took_ms))))

    def patch(self, rows: Sequence[PhotoRow]) -> None:
        """Take rows that changed by a decision or a suggestion; `recount` shows the counts."""
        if self._refresh_job is not None and not self._refresh_job.finished:
            self._patches.update((row.id, row) for row in rows)
        if self._listing is not None:
            self._listing = self._listing.patched(rows)

    def recount(self) -> None:
        """Show the counts as they are after a decision; rows that changed are told elsewhere."""
        shown, listing = self.snapshot, self._listing
        if shown is None or listing is None or shown.query != self._query:
            return
        if BY_ID[shown.query.filter].states is not None:
            self._refresh_now()  # photos leave the filter and come into it
            return

        def done(taken: Snapshot) -> None:
            if self.snapshot is shown:
                self.snapshot = taken
                self.snapshot_taken.emit(taken)

        self._work.latest(
            "count",
            INTERACTIVE,
            lambda _context: snapshot.recount(listing, shown),
            owner=self,
            done=done,
            failed=self.failed.emit,
        )

    def _refresh_now(self, *, at_once: bool = False) -> None:
        """Show what the query asks for; ``at_once`` of what was read, whatever is to be read."""
        query = self._query
        if query is None:
            return
        self._again.stop()
        self._stale = False
        if self._refresh_job is not None and not self._refresh_job.finished:
            self._refresh_job.drop()
            self._undone()
        before = self._listing if at_once or not self._reload else None
        later = self._reload and before is not None
        unread, self._unread = self._unread, set()
        read_once = self._read_once
        self._reload = later
        self._patches.clear()

        def undone() -> None:
            self._reload |= before is None
            self._unread |= unread

        def function(_context: Context) -> tuple[Listing, Snapshot, float]:
            began = time.monotonic()
            try:
                if before is None:
                    listing = self._engine.listing(query.root)
                else:
                    listing = self._engine.renewed(before, unread) if unread else before
            finally:
                read_once.set()
            taken = snapshot.take(listing, query)
            return listing, taken, 1000 * (time.monotonic() - began)

        def done(result: tuple[Listing, Snapshot, float]) -> None:
            listing, taken, self._took_ms = result
            for row in self._patches.values():
                if row.id in taken.row_of:
                    taken.rows[taken.row_of[row.id]] = row
            self._listing = listing.patched(self._patches.values())
            self.snapshot = taken
            self.snapshot_taken.emit(taken)
            if self._stale or later:
                self._stale = False
                self.refresh(())
            if before is None:
                # The first search need not wait for it then.
                self._work.latest(
                    "search", GENERAL, lambda _context: listing.prepare_search(), owner=self
                )

        def failed(error: Exception) -> None:
            undone()
            self.failed.emit(error)

        self._undone = undone
        self._refresh_job = self._work.start(
            INTERACTIVE,
            function,
            name="show photos",
            done=done,
            failed=failed,
            owner=self,
        )

    # -- scan and analysis

    def scan(self, *, again: bool = False) -> None:
        """Scan the folder that is open; analysis follows."""
        root = self.root
        if root is None:
            return
        self._drop_job()
        self.problems = []
        self._begin(Phase.SCANNING, "Reading photos")

        read_once = self._read_once

        def function(context: Context) -> None:
            # Both at once would show a large library only after many times as long.
            while not read_once.is_set():
                context.cancel.raise_if_cancelled()
                read_once.wait(0.05)
            each(
                self._engine.scan(
                    root, again=again, progress=context.progress, cancel=context.cancel
                ),
                context,
            )

        self._job = self._work.start(
            GENERAL,
            function,
            name="scan",
            items=self._on_scanned,
            progress=self._on_progress,
            done=lambda _: self._on_scan_done(),
            cancelled=self._on_stopped,
            failed=self._on_failed,
            owner=self,
        )

    def analyse(self) -> None:
        """Suggest places for the folder that is open."""
        root = self.root
        if root is None:
            return
        self._drop_job()
        self._begin(Phase.ANALYSING, "Preparing the analysis")

        def function(context: Context) -> None:
            each(
                self._engine.analyse(root, progress=context.progress, cancel=context.cancel),
                context,
            )

        self._job = self._work.start(
            GENERAL,
            function,
            name="analysis",
            items=lambda parts: self.refresh([one for ids in parts for one in ids]),
            progress=self._on_progress,
            done=lambda _: self._on_analysis_done(),
            cancelled=self._on_stopped,
            failed=self._on_failed,
            owner=self,
        )

    def pause(self) -> None:
        """Stop for now; `resume` goes on where it was."""
        if self.activity.phase in {Phase.SCANNING, Phase.ANALYSING}:
            self._after_pause = self.activity.phase
            self._drop_job()
            self._meter.pause()
            self.activity_changed.emit(self.activity)
            self.refresh()

    def resume(self) -> None:
        """Go on after a pause."""
        if self.activity.phase is Phase.PAUSED:
            (self.scan if self._after_pause is Phase.SCANNING else self.analyse)()

    def stop(self) -> None:
        """Stop; what was found so far stays."""
        if self.activity.phase is Phase.PAUSED:
            self._end()
        elif self._job is not None:
            self._job.cancel()

    def _begin(self, phase: Phase, what: str) -> None:
        self._meter.begin(phase, what)
        self.activity_changed.emit(self.activity)

    def _end(self) -> None:
        self._job = None
        self._meter.end()
        self.activity_changed.emit(self.activity)
        self.refresh()

    def _drop_job(self) -> None:
        if self._job is not None and not self._job.finished:
            self._job.drop()
        self._job = None

    def _on_scanned(self, events: list[ScanEvent]) -> None:
        changed = [event.photo_id for event in events if event.outcome is ScanOutcome.UPDATED]
        if changed:
            self.thumbnails_stale.emit(changed)
        problems = [event for event in events if event.outcome in _PROBLEMS]
        if problems:
            self.problems.extend(problems)
            self.problems_changed.emit(len(self.problems))
        told = [event.photo_id for event in events if event.outcome is not ScanOutcome.UNCHANGED]
        if told:
            self.refresh([photo_id for photo_id in told if photo_id is not None])

    def _on_progress(self, progress: object) -> None:
        self._meter.take(progress)  # type: ignore[arg-type]
        self.activity_changed.emit(self.activity)

    def _on_scan_done(self) -> None:
        self._job = None
        self.problems_changed.emit(len(self.problems))
        self.refresh()
        self.analyse()

    def _on_analysis_done(self) -> None:
        self.analysed = True
        self._end()
        self.settled.emit()

    def _on_stopped(self) -> None:
        self._end()

    def _on_failed(self, error: Exception) -> None:
        self._end()
        if isinstance(error, GeotaggerError):
            self.failed.emit(error)
        else:
            self._work.failed_unheard.emit(error)
