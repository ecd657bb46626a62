"""What the window asks of the engine, in one object: every method blocks, so workers call it.

Heavy parts (place names, the thumbnail workers) are loaded when first needed and kept.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import cast

from desktop.evaluation.engine import Evaluation
from desktop.model_process import ModelProcess
from geotagger.earth.places import Place, PlaceNames
from geotagger.errors import ModelError
from geotagger.library import (
    analysing,
    clocks,
    committing,
    embedding,
    explaining,
    queries,
    review,
)
from geotagger.library.catalog import Catalog
from geotagger.library.clocks import ClockChange, ClockDecision, ClockRow
from geotagger.library.doubtful_gps import DoubtfulGps, doubtful_gps
from geotagger.library.explaining import Explained
from geotagger.library.journal import Recovered
from geotagger.library.kept import Kept, kept
from geotagger.library.listing import Listing
from geotagger.library.rows import Change, Decision, DecisionKind, PhotoDetails, PhotoRow
from geotagger.library.scan import ScanEvent, scan_folder
from geotagger.library.thumbnails import Thumbnails
from geotagger.library.used_places import UsedPlace, keep_favourite, used_places
from geotagger.library.writing import UndoResult, WriteEntry, WriteOptions, WritePlan, WriteResult
from geotagger.models import installing, store
from geotagger.models.catalogue import ModelRow, catalogue
from geotagger.models.embedder import Embedder
from geotagger.models.store import InstalledModel
from geotagger.models.world_load import WorldOutline, load_outline
from geotagger.progress import CancelToken, Progress, ProgressCallback

BY_HAND = "by hand"
BY_HAND_RADIUS_M = 50.0
"""How exactly a person is taken to point at a map."""


class Engine:
    """One catalog and everything that works on it. Thread-safe."""

    def __init__(self, catalog: Catalog, *, models_root: Path | None = None) -> None:
        self.catalog = catalog
        self.device: str | None = None
        """Where the model runs, of `geotagger.models.engines.choosing.DEVICES`; None if not set."""
        self._models_root = models_root
        self._lock = threading.RLock()
        self._places: PlaceNames | None = None
        self._thumbnails: Thumbnails | None = None
        self._outlined: tuple[Path, WorldOutline] | None = None
        self.evaluation = Evaluation(self)

    def close(self) -> None:
        """Stop the thumbnail workers and close the catalog; nothing may be running any more."""
        with self._lock:
            if self._thumbnails is not None:
                self._thumbnails.close()
                self._thumbnails = None
        self.catalog.close()

    # -- what there is

    def listing(self, root: Path) -> Listing:
        """Return the photos of a folder tree."""
        return Listing.load(self.catalog, root)

    def renewed(self, listing: Listing, photo_ids: Collection[int]) -> Listing:
        """Return a listing with some photos as they are now."""
        return listing.renewed(self.catalog, photo_ids)

    def rows_of(self, photo_ids: Sequence[int]) -> list[PhotoRow]:
        """Return the rows of some photos as they are now."""
        return queries.photos_by_id(self.catalog, photo_ids)

    def details(self, photo_id: int) -> PhotoDetails:
        """Return everything about one photo."""
        return queries.details(self.catalog, photo_id)

    def jpeg(self, photo_id: int, max_side: int) -> bytes:
        """Return an upright JPEG of a photo."""
        with self._lock:
            if self._thumbnails is None:
                self._thumbnails = Thumbnails(self.catalog)
            thumbnails = self._thumbnails
        return thumbnails.jpeg(photo_id, max_side)

    def places(self) -> PlaceNames:
        """Return the place names, loaded once."""
        with self._lock:
            if self._places is None:
                self._places = PlaceNames.load()
            return self._places

    def search_places(self, text: str) -> list[Place]:
        """Return places whose name matches, the most likely meant first."""
        return self.places().search(text)

    def used_places(self) -> list[UsedPlace]:
        """Return favourite places, then those of late."""
        return used_places(self.catalog)

    def keep_favourite(self, place: UsedPlace, keep: bool) -> None:
        """Make a place a favourite, or none any more."""
        keep_favourite(self.catalog, place, keep=keep)

    def place_name(self, lat: float, lon: float) -> str:
        """Return the name of the nearest place, or nothing in the middle of nowhere."""
        place = self.places().nearest(lat, lon)
        return "" if place is None else place.label

    # -- scanning and analysing

    def scan(
        self, root: Path, *, again: bool, progress: ProgressCallback, cancel: CancelToken
    ) -> Iterator[ScanEvent]:
        """Scan a folder tree; see `geotagger.library.scan.scan_folder`."""
        return scan_folder(self.catalog, root, again=again, progress=progress, cancel=cancel)

    def analyse(
        self, root: Path, *, progress: ProgressCallback, cancel: CancelToken
    ) -> Iterator[list[int]]:
        """Suggest places for a folder tree, with the installed model if there is one."""
        with ExitStack() as stack:
            model = self.model()
            embedder = world = None
            if model is not None and model.config is not None:
                embedder = stack.enter_context(
                    ModelProcess(model.folder, model.config, self.device)
                )
                if model.config.world:
                    progress(Progress(0, 0, "Preparing the world model", model.name))
                    try:
                        world = embedder.world(cancel)
                    except ModelError:
                        # The albums speak for themselves before the error is told.
                        yield from analysing.analyse(
                            self.catalog,
                            root,
                            places=self.places(),
                            progress=progress,
                            cancel=cancel,
                        )
                        raise
            yield from analysing.analyse(
                self.catalog,
                root,
                embedder=cast("Embedder | None", embedder),
                world=world,
                places=self.places(),
                progress=progress,
                cancel=cancel,
            )

    # -- decisions

    def accepted(self, photo_ids: Iterable[int]) -> list[Decision]:
        """Return the decisions that take each photo's best candidate; none without candidates."""
        decisions = []
        for photo_id in photo_ids:
            candidates = self.details(photo_id).candidates
            if candidates:
                best = candidates[0]
                decisions.append(
                    Decision(
                        photo_id,
                        DecisionKind.ACCEPTED,
                        best.lat,
                        best.lon,
                        best.radius_m,
                        best.place,
                        best.reasons[0] if best.reasons else "",
                    )
                )
        return decisions

    def moved(self, photo_ids: Iterable[int], lat: float, lon: float) -> list[Decision]:
        """Return the decisions that put photos at a place chosen by hand."""
        place = self.place_name(lat, lon)
        return [
            Decision(one, DecisionKind.MOVED, lat, lon, BY_HAND_RADIUS_M, place, BY_HAND)
            for one in photo_ids
        ]

    def decide(self, decisions: Sequence[Decision]) -> list[Change]:
        """Store decisions and return what changed."""
        return review.decide(self.catalog, decisions)

    def revert(self, changes: Sequence[Change]) -> None:
        """Take decisions back."""
        review.revert(self.catalog, changes)

    def reapply(self, changes: Sequence[Change]) -> None:
        """Make decisions again that were taken back."""
        review.reapply(self.catalog, changes)

    def confident(self, root: Path, album: str | None = None) -> list[int]:
        """Return the photos whose suggestion is confident."""
        return review.confident(self.catalog, root, album)

    def renew(
        self, album: str, near: Collection[int], *, cancel: CancelToken
    ) -> Iterator[list[int]]:
        """Suggest anew for an album; yield the photos part by part, those near some others first.

        ``near`` are the photos that were decided.
        """
        key, world = self.heard()
        return analysing.renew(
            self.catalog, album, near=near, model=key, world=world, places=self.places(),
            cancel=cancel,
        )  # fmt: skip

    def suggest_around(
        self, album: str, near: Collection[int], *, cancel: CancelToken
    ) -> Iterator[list[int]]:
        """Suggest anew for other albums that decisions on photos of one are evidence for."""
        key, world = self.heard()
        for other in analysing.albums_around(self.catalog, album, near):
            yield analysing.suggest_again(
                self.catalog, other, model=key, world=world, places=self.places(), cancel=cancel
            )

    def heard(self) -> tuple[str | None, WorldOutline | None]:
        """Return what of the kept embeddings and guesses counts: that of the installed model.

        Its key, and what its guesses at the world are about; None where there is none.
        """
        model = self.model()
        if model is None or model.config is None:
            return None, None
        key = embedding.model_key(ModelProcess(model.folder, model.config))
        return key, self._outline(model.folder) if model.config.world else None

    def why_here(
        self, photo_id: int, lat: float, lon: float, radius_m: float,
        *, progress: ProgressCallback, cancel: CancelToken,
    ) -> Iterator[Explained]:  # fmt: skip
        """Yield which parts of a photo speak for a place; see `geotagger.library.explaining`."""
        model = self.model()
        if model is None or model.config is None:
            raise ModelError(
                "No model is installed that looks at pictures.",
                remedy="Install one under Edit → Models…",
            )
        with ModelProcess(model.folder, model.config, self.device) as embedder:
            world = embedder.world(cancel) if model.config.world else None
            yield from explaining.why_here(
                self.catalog, photo_id, lat, lon, radius_m, cast("Embedder", embedder), world,
                progress=progress, cancel=cancel,
            )  # fmt: skip

    def doubtful_gps(self, root: Path, *, cancel: CancelToken) -> list[DoubtfulGps]:
        """Return the photos below a root whose GPS disagrees with their neighbours."""
        return doubtful_gps(self.catalog, root, cancel=cancel)

    # -- clocks

    def clocks(self, root: Path) -> list[ClockRow]:
        """Return the cameras of a folder tree, album by album, and what is known of their clocks.

        Albums of one camera are left out, unless its clock was decided on or compared with that of
        a camera of another folder.
        """
        found = [clocks.rows_of(self.catalog, one) for one in queries.folders(self.catalog, root)]
        some = [
            rows
            for rows in found
            if len(rows) > 1 or any(row.decision or row.found for row in rows)
        ]
        return [row for rows in some for row in rows]

    def decide_clock(self, album: str, camera: str, decision: ClockDecision | None) -> ClockChange:
        """Store a person's word on a clock, None to leave it to the estimate."""
        return clocks.decide(self.catalog, album, camera, decision)

    def revert_clocks(self, changes: Sequence[ClockChange]) -> None:
        """Take decisions on clocks back."""
        clocks.revert(self.catalog, changes)

    def reapply_clocks(self, changes: Sequence[ClockChange]) -> None:
        """Make decisions on clocks again that were taken back."""
        clocks.reapply(self.catalog, changes)

    def _outline(self, folder: Path) -> WorldOutline:
        with self._lock:
            if self._outlined is None or self._outlined[0] != folder:
                self._outlined = folder, load_outline(folder)
            return self._outlined[1]

    # -- writing

    def plan(self, root: Path, photo_ids: Sequence[int] | None, options: WriteOptions) -> WritePlan:
        """Return what writing would change."""
        places = self.places() if options.place_names else None
        return committing.plan(self.catalog, root, photo_ids, options, places=places)

    def commit(
        self, plan: WritePlan, *, progress: ProgressCallback, cancel: CancelToken
    ) -> Iterator[WriteResult]:
        """Carry a plan out, a result per file."""
        return committing.commit(self.catalog, plan, progress=progress, cancel=cancel)

    def take_back(
        self, write_id: int, *, progress: ProgressCallback, cancel: CancelToken
    ) -> Iterator[UndoResult]:
        """Undo a write, a result per file."""
        return committing.take_back(self.catalog, write_id, progress=progress, cancel=cancel)

    def history(self) -> list[WriteEntry]:
        """Return the writes of the catalog, newest first."""
        return committing.history(self.catalog)

    def kept(self) -> list[Kept]:
        """Return what is kept on the disk, and where."""
        return kept(self.catalog, self._models_root)

    # -- models

    @property
    def models_folder(self) -> Path:
        """Where models are installed."""
        return self._models_root if self._models_root is not None else store.default_root()

    def models(self) -> list[InstalledModel]:
        """Return the installed models, damaged ones with the reason."""
        return store.model_folders(self.models_folder)

    def catalogue_of_models(self) -> list[ModelRow]:
        """Return installed, built-in and known models, as a list shows them."""
        return catalogue(self.models_folder)

    def install_model(
        self, source: Path, cancel: CancelToken, progress: ProgressCallback | None = None
    ) -> InstalledModel:
        """Install a model from a folder or a safetensors file."""
        return installing.install_path(source, self.models_folder, progress=progress, cancel=cancel)

    def install_known(
        self, name: str, progress: ProgressCallback, cancel: CancelToken
    ) -> InstalledModel:
        """Fetch and install a model by its name; stopped, a later call goes on."""
        return installing.install_known(name, self.models_folder, progress=progress, cancel=cancel)

    def verify_model(self, folder: Path, cancel: CancelToken) -> None:
        """Return if a model is whole and runs, else raise."""
        store.verify(folder, cancel=cancel)

    def remove_model(self, name: str) -> None:
        """Remove a model, and what was fetched of it."""
        store.remove(name, self.models_folder)

    def model(self) -> InstalledModel | None:
        """Return the model that is used, None if there is none that is whole."""
        return next(iter(store.usable_models(self.models_folder)), None)

    # -- when the program starts

    def recover(self) -> list[Recovered]:
        """Finish or roll back what a crash left half-done; say what that was."""
        return committing.recover(self.catalog)

    def back_up(self) -> bool:
        """Copy the catalog beside itself once a day."""
        return self.catalog.back_up()
