"""What the window asks of the engine to see how good it is on the user's own photos; all blocks.

The modules that do it bring plots along, so they are loaded when first needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from geotagger.progress import CancelToken, ProgressCallback

if TYPE_CHECKING:
    from desktop.engine import Engine
    from geotagger.evaluation.hidings import Way
    from geotagger.evaluation.library import KnownFolder
    from geotagger.evaluation.library_score import LibraryScore
    from geotagger.evaluation.plots import Style


class Evaluation:
    """The questions of the dialog; see `geotagger.evaluation`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def folders(self, root: Path) -> list[KnownFolder]:
        """Return the folders below a root whose photos have GPS of their own."""
        from geotagger.evaluation.library import known_folders

        return known_folders(self._engine.catalog, root)

    def run(
        self, root: Path, how: Way, share: float,
        *, progress: ProgressCallback, cancel: CancelToken,
    ) -> LibraryScore:  # fmt: skip
        """Hide the GPS of photos below a root in memory and return how well it is found."""
        from geotagger.evaluation.library import evaluate_library

        key, world = self._engine.heard()
        return evaluate_library(
            self._engine.catalog, root, how=how, share=share, model=key, world=world,
            progress=progress, cancel=cancel,
        )  # fmt: skip

    def draw(self, score: LibraryScore, size: tuple[int, int], scale: float, style: Style) -> bytes:
        """Return the plots as PNG, for a screen with ``scale`` pixels to the point."""
        from geotagger.evaluation.plots import draw, png

        return png(draw(score.pooled, style=style, size_px=size, scale=scale))

    def save(self, score: LibraryScore, name: str, target: Path) -> None:
        """Write the plots into a file that ends in .png, or all of it as a page into another."""
        from geotagger.evaluation import library_files

        library_files.save(score, name, target)
