"""Deciding where photos were taken: what is proposed, the decision, and its undo and redo."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from desktop import wording
from desktop.engine import Engine
from desktop.review.proposal import (
    FIXED,
    Proposal,
    Source,
    candidate_proposal,
    first_proposal,
    placeable,
)
from desktop.review.renewals import Renewals
from desktop.review.undo import DecisionCommand
from desktop.work import DECIDING, GENERAL, INTERACTIVE, Context, Work
from geotagger.errors import GeotaggerError
from geotagger.library.rows import Change, Decision, DecisionKind, PhotoDetails, PhotoRow

Decider = Callable[[], list[Decision]]
T = TypeVar("T")


class ReviewController(QObject):
    """Holds the photo under review and carries out what the user says about it."""

    details_changed = Signal(object)
    """PhotoDetails of the current photo, or None."""
    proposal_changed = Signal(object)
    """Proposal, or None: what Enter accepts now."""
    rows_changed = Signal(list)
    """PhotoRows whose state or place is new."""
    decided = Signal()
    """A decision was made or taken back: counts are new."""
    advance = Signal()
    """The review goes on with the next photo that is open."""
    photo_wanted = Signal(int)
    """A photo should be shown: its decision was just taken back or made again."""
    said = Signal(str)
    """A sentence for the status line."""
    failed = Signal(object)
    copied = Signal()
    """A place was copied."""

    def __init__(
        self,
        engine: Engine,
        work: Work,
        selected: Callable[[], list[int]],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._work = work
        self._selected = selected
        self.undo_stack = QUndoStack(self)
        self.renewals = Renewals(engine, work, self)
        self.renewals.renewed.connect(self._on_renewed)
        self.renewals.settled.connect(self.decided)
        self.renewals.settled.connect(self._suggest_around)
        self.renewals.failed.connect(self._on_failed)
        self._around: dict[str, set[int]] = {}
        self._photo_id = -1
        self.details: PhotoDetails | None = None
        self.proposal: Proposal | None = None
        self.clipboard: tuple[float, float] | None = None

    # -- the photo under review

    def show(self, photo_id: int) -> None:
        """Make a photo the current one; -1 for none."""
        self._photo_id = photo_id
        if photo_id < 0:
            self._set_details(None)
            return
        self._load(photo_id)

    def reload(self, photo_ids: Sequence[int] | None = None) -> None:
        """Read the current photo again if it is among those that changed (None: whatever)."""
        if self._photo_id >= 0 and (photo_ids is None or self._photo_id in photo_ids):
            self._load(self._photo_id)

    def _load(self, photo_id: int) -> None:
        def done(details: PhotoDetails) -> None:
            if details.row.id == self._photo_id and details != self.details:
                self._set_details(details)

        self._work.latest(
            "details",
            INTERACTIVE,
            lambda _context: self._engine.details(photo_id),
            owner=self,
            done=done,
            failed=lambda error: self._gone(photo_id, error),
        )

    def _gone(self, photo_id: int, error: Exception) -> None:
        if isinstance(error, KeyError):
            if photo_id == self._photo_id:
                self._set_details(None)
        else:
            self._on_failed(error)

    def _set_details(self, details: PhotoDetails | None) -> None:
        before = self.details
        self.details = details
        kept = self.proposal
        same = (
            details is not None
            and before is not None
            and before.row.id == details.row.id
            and before.decision == details.decision
        )
        self.details_changed.emit(details)
        if same and kept is not None and kept.source is Source.BY_HAND:
            self.proposal_changed.emit(kept)  # a marker that was moved stays where it was put
            return
        self._propose(None if details is None else first_proposal(details))

    # -- what is proposed

    @property
    def placeable(self) -> bool:
        """Whether the current photo can be given a place."""
        return self.details is not None and placeable(self.details)

    def choose(self, index: int) -> None:
        """Propose one of the candidates, counted from 0."""
        if self.details is None or not self.placeable:
            return
        proposal = candidate_proposal(self.details, index)
        if proposal is None:
            count = len(self.details.candidates)
            self.said.emit(
                "This photo has no candidates."
                if count == 0
                else f"This photo has {count} candidate{'s' if count > 1 else ''}."
            )
        else:
            self._propose(proposal)

    def place_at(self, lat: float, lon: float, place: str = "") -> None:
        """Propose a place put by hand: dragged, clicked, typed or searched."""
        if not self.placeable:
            self.said.emit("This photo's place cannot be changed here.")
            return
        self._propose(Proposal(Source.BY_HAND, lat, lon, None, place))
        if place:
            return

        def named(found: str) -> None:
            now = self.proposal
            if now is not None and (now.lat, now.lon, now.source) == (lat, lon, Source.BY_HAND):
                self._propose(Proposal(Source.BY_HAND, lat, lon, None, found))

        self._work.latest(
            "name",
            INTERACTIVE,
            lambda _context: self._engine.place_name(lat, lon),
            owner=self,
            done=named,
        )

    def _propose(self, proposal: Proposal | None) -> None:
        self.proposal = proposal
        self.proposal_changed.emit(proposal)

    # -- decisions

    def accept(self) -> None:
        """Accept what is proposed for all selected photos and go on."""
        ids, proposal, details = self._selected(), self.proposal, self.details
        if details is None or details.row.id != self._photo_id:
            # The keys were quicker than the catalog: what comes up first is the best candidate.
            self._decide("Accept", lambda: self._engine.accepted(ids))
            self.advance.emit()
            return
        if not self.placeable and len(ids) <= 1:
            self.advance.emit()
            return
        if proposal is not None and proposal.source is Source.BY_HAND:
            lat, lon = proposal.lat, proposal.lon
            self._decide("Place by hand", lambda: self._engine.moved(ids, lat, lon))
        elif len(ids) > 1:
            self._decide("Accept", lambda: self._engine.accepted(ids))
        elif proposal is None:
            self.said.emit(
                "There is no place to accept: click the map, press G to type coordinates, "
                "or / to search a place."
            )
            return
        elif proposal.source is Source.CANDIDATE and proposal.index is not None:
            one = details.candidates[proposal.index]
            decision = Decision(
                details.row.id,
                DecisionKind.ACCEPTED,
                one.lat,
                one.lon,
                one.radius_m,
                one.place,
                one.reasons[0] if one.reasons else "",
            )
            self._decide("Accept", lambda: [decision])
        self.advance.emit()

    def reject(self) -> None:
        """Reject all candidates of the selected photos and go on."""
        self._without_place("Reject", DecisionKind.REJECTED)

    def later(self) -> None:
        """Leave the selected photos for later and go on."""
        self._without_place("Leave for later", DecisionKind.LATER)

    def _without_place(self, text: str, kind: DecisionKind) -> None:
        ids = self._selected()
        self._decide(text, lambda: [Decision(one, kind) for one in ids])
        self.advance.emit()

    def copy_place(self) -> None:
        """Keep the proposed place for `paste_place`."""
        if self.proposal is not None:
            self.clipboard = (self.proposal.lat, self.proposal.lon)
            self.copied.emit()
            self.said.emit(f"Copied {self.proposal.place or 'the place'}.")

    def paste_place(self) -> None:
        """Give the copied place to the selected photos and go on."""
        if self.clipboard is None or not self.placeable:
            return
        ids, (lat, lon) = self._selected(), self.clipboard
        self._decide("Paste place", lambda: self._engine.moved(ids, lat, lon))
        self.advance.emit()

    def place_photos(self, photo_ids: Sequence[int], lat: float, lon: float) -> None:
        """Put photos to a place, as one step for undo; those whose place is in the file stay."""
        ids = list(photo_ids)
        self._decide("Place by hand", lambda: self._engine.moved(ids, lat, lon))

    def accept_all(self, photo_ids: Sequence[int]) -> None:
        """Accept the best candidate of these photos, as one step for undo."""
        ids = list(photo_ids)
        self._decide("Accept all confident", lambda: self._engine.accepted(ids))

    def _decide(self, text: str, decider: Decider) -> None:
        def function(_context: Context) -> tuple[list[Change], list[PhotoRow]]:
            wanted = decider()
            rows = self._engine.rows_of([one.photo_id for one in wanted])
            fixed = {row.id for row in rows if row.state in FIXED}
            changes = self._engine.decide([one for one in wanted if one.photo_id not in fixed])
            return changes, self._engine.rows_of([change.photo_id for change in changes])

        def done(result: tuple[list[Change], list[PhotoRow]]) -> None:
            changes, rows = result
            if not changes:
                self.said.emit(
                    "Nothing was decided: these photos have no candidates, or their place is "
                    "already in the file."
                )
                self.renewals.resume()
                return
            many = f" ({wording.photos(len(changes))})" if len(changes) > 1 else ""
            self.undo_stack.push(DecisionCommand(text + many, changes, self._apply))
            self._changed(rows)

        self._start(text, function, done)

    def _start(
        self, name: str, function: Callable[[Context], T], done: Callable[[T], None]
    ) -> None:
        """Run a decision, which waits for no suggestion: they go on after it."""

        def failed(error: Exception) -> None:
            self.renewals.resume()
            self._on_failed(error)

        self.renewals.pause()
        self._work.start(DECIDING, function, name=name, done=done, failed=failed, owner=self)

    def _apply(self, changes: list[Change], back: bool) -> None:
        """Take decisions back or make them again: called by the undo stack."""

        def function(_context: Context) -> list[PhotoRow]:
            (self._engine.revert if back else self._engine.reapply)(changes)
            return self._engine.rows_of([change.photo_id for change in changes])

        def done(rows: list[PhotoRow]) -> None:
            if rows:
                self.photo_wanted.emit(rows[0].id)
            self._changed(rows)

        self._start("undo", function, done)

    def _changed(self, rows: list[PhotoRow]) -> None:
        self.rows_changed.emit(rows)
        self.reload([row.id for row in rows])
        self.decided.emit()
        for album in sorted({str(row.folder) for row in rows}):
            ids = [row.id for row in rows if str(row.folder) == album]
            self.renewals.want(album, ids)
            self._around.setdefault(album, set()).update(ids)
        self.renewals.resume()

    def suggest_again(self, album: str, told: Collection[int] = ()) -> None:
        """Suggest anew for an album: what its suggestions rest on has changed.

        ``told`` are photos of it whose place or time says something else to other albums now.
        """
        if told:
            self._around.setdefault(album, set()).update(told)
        self.renewals.want(album)

    def _on_renewed(self, rows: list[PhotoRow]) -> None:
        self.rows_changed.emit(rows)
        self.reload([row.id for row in rows])

    def _suggest_around(self) -> None:
        """Suggest anew for other folders of the same outings, once the decided ones are done."""
        if not self.renewals.wanted:
            for album, near in list(self._around.items()):
                self._suggest_beside(album, frozenset(near))

    def _suggest_beside(self, album: str, near: frozenset[int]) -> None:
        def function(context: Context) -> None:
            for ids in self._engine.suggest_around(album, near, cancel=context.cancel):
                context.emit(self._engine.rows_of(ids))

        def end() -> None:
            left = self._around.pop(album, set()) - near
            if left:
                self._around[album] = left

        def failed(error: Exception) -> None:
            end()
            self._on_failed(error)

        def items(parts: list[list[PhotoRow]]) -> None:
            rows = [row for part in parts for row in part]
            self.rows_changed.emit(rows)
            self.reload([row.id for row in rows])
            self.decided.emit()

        self._work.latest(
            f"around {album}",
            GENERAL,
            function,
            owner=self,
            items=items,
            done=lambda _result: end(),
            failed=failed,
        )

    def _on_failed(self, error: Exception) -> None:
        if isinstance(error, GeotaggerError):
            self.failed.emit(error)
        else:
            self._work.failed_unheard.emit(error)
