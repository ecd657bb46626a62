"""Keeps the map in step with the photos that are shown and the photo under review."""

from __future__ import annotations

from PySide6.QtCore import QObject

from desktop import wording
from desktop.library.snapshot import Snapshot
from desktop.map.view import MapCandidate, MapPhoto, MapView, PreparedPhotos, prepare
from desktop.review.controller import ReviewController
from desktop.review.proposal import Proposal, Source, placeable
from desktop.work import INTERACTIVE, Work
from geotagger.library.rows import PhotoDetails

_LIKELY = 0.1


class MapLink(QObject):
    """Feeds a map and hears it."""

    def __init__(
        self, view: MapView, review: ReviewController, work: Work, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._map = view
        self._review = review
        self._work = work
        self._photos = PreparedPhotos()
        self._fitted: object = None
        self._shown_details: PhotoDetails | None = None
        self._shown_place: tuple[float, float] | None = None
        review.details_changed.connect(self._on_details)
        review.proposal_changed.connect(self._on_proposal)
        view.marker_dragged.connect(review.place_at)
        view.photos_dropped.connect(review.place_photos)
        view.map_clicked.connect(self._on_click)
        view.candidate_chosen.connect(review.choose)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the photos that have a place; another folder or album is brought into view."""
        scope = (snapshot.query.root, snapshot.query.album)

        def made(photos: PreparedPhotos) -> None:
            if photos != self._photos:
                self._photos = photos
                self._map.show_prepared(photos)
            if photos.corners and scope != self._fitted:
                self._fitted = scope
                if self._review.proposal is None:
                    self.show_all()

        self._work.latest(
            "map photos",
            INTERACTIVE,
            lambda _context: _map_photos(snapshot),
            owner=self,
            done=made,
        )

    def show_all(self) -> None:
        """Bring all photos into view."""
        self._map.fit(self._photos.corners)

    def marker_to_centre(self) -> None:
        """Put the marker to the middle of the map."""
        self._map.center(self._review.place_at)

    def _on_click(self, lat: float, lon: float) -> None:
        if self._review.placeable:
            self._review.place_at(lat, lon)

    def _on_details(self, details: PhotoDetails | None) -> None:
        if details is None or not placeable(details):
            self._map.set_candidates([])
        else:
            self._map.set_candidates(
                MapCandidate(at, one.lat, one.lon, one.radius_m, one.probability, one.place)
                for at, one in enumerate(details.candidates)
            )

    def _on_proposal(self, proposal: Proposal | None) -> None:
        details = self._review.details
        if proposal is None or details is None:
            self._map.clear_marker()
            self._map.highlight_candidate(None)
            self._shown_details, self._shown_place = details, None
            return
        self._map.set_marker(proposal.lat, proposal.lon, placeable(details))
        chosen = proposal.index if proposal.source is Source.CANDIDATE else None
        self._map.highlight_candidate(chosen)
        place, known = (proposal.lat, proposal.lon), self._shown_details
        if known is None or known.row.id != details.row.id or self._shown_place is None:
            self._bring_up(proposal, details)
        elif place != self._shown_place and proposal.source is Source.CANDIDATE:
            # Chosen among the same candidates, or the candidates themselves are new.
            if known.candidates == details.candidates:
                self._map.fly_to(proposal.lat, proposal.lon)
            else:
                self._bring_up(proposal, details)
        self._shown_details, self._shown_place = details, place

    def _bring_up(self, proposal: Proposal, details: PhotoDetails) -> None:
        likely = [one for one in details.candidates if one.probability >= _LIKELY]
        if proposal.source is not Source.CANDIDATE or not likely:
            self._map.fly_to(proposal.lat, proposal.lon)
            return
        points = []
        for one in likely:
            # A degree of latitude is 111 km; the circle of the radius is to be seen whole.
            reach = one.radius_m / 111_000
            points += [
                (min(90.0, one.lat + reach), one.lon),
                (max(-90.0, one.lat - reach), one.lon),
            ]
        self._map.fit(points)


def _map_photos(snapshot: Snapshot) -> PreparedPhotos:
    return prepare(
        MapPhoto(row.id, row.lat, row.lon, row.state.value, wording.name(row))
        for row in snapshot.rows
        if row.lat is not None and row.lon is not None
    )
