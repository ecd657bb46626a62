"""The score of one's own library as files: a page, or a picture of the plots."""

from __future__ import annotations

from pathlib import Path

from geotagger.errors import GeotaggerError
from geotagger.evaluation.library_page import page
from geotagger.evaluation.library_score import LibraryScore
from geotagger.evaluation.library_words import method
from geotagger.evaluation.plots import draw, png

PICTURE, PAGE = ".png", ".html"


def save(score: LibraryScore, name: str, target: Path) -> None:
    """Write the plots into a PNG, or words, plots and tables as a page, by the file's ending.

    Raises
    ------
    GeotaggerError
        The name ends in neither, or the file cannot be written.
    """
    ending = target.suffix.lower()
    if ending not in (PICTURE, PAGE, ".htm"):
        raise GeotaggerError("A report is saved to a name that ends in .html or .png.", path=target)
    if ending == PICTURE:
        data = png(draw(score.pooled, title=method(score), scale=1.5))
    else:
        data = page(score, name).encode("utf-8", "backslashreplace")
    try:
        target.write_bytes(data)
    except OSError as error:
        raise GeotaggerError(
            f"The report cannot be written: {error.strerror}.", path=target
        ) from error
