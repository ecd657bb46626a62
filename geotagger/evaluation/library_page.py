"""The score of one's own library as a page that stands alone: words, plots, tables, no network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from geotagger.evaluation import library_words as words
from geotagger.evaluation.library_score import LibraryScore
from geotagger.evaluation.plots import draw, svg

_CSS = """
:root { color-scheme: light; }
body { margin: 0; background: #f4f4f2; color: #1d2023;
  font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 32px 24px 48px; }
h1 { font-size: 24px; margin: 0 0 16px; }
h2 { font-size: 18px; margin: 32px 0 8px; }
p { margin: 0 0 8px; max-width: 75ch; }
.lead { font-size: 18px; }
.note { color: #5f656c; font-size: 14px; margin-top: 8px; }
figure { margin: 16px 0; padding: 8px; background: #ffffff; border-radius: 8px; }
figure svg { display: block; width: 100%; height: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; background: #ffffff; border-radius: 8px; font-size: 15px; }
th, td { padding: 6px 12px; text-align: right; font-variant-numeric: tabular-nums;
  white-space: nowrap; border-bottom: 1px solid #ececea; }
th:first-child, td:first-child { text-align: left; white-space: normal; }
thead th { color: #5f656c; font-weight: 600; }
tbody tr.ours { font-weight: 600; }
"""


def page(score: LibraryScore, name: str) -> str:
    """Return the page as HTML; ``name`` is what the library is called in its heading."""
    title = f"How good the suggestions are on “{name}”" if name else "How good the suggestions are"
    picture = svg(draw(score.pooled, size_px=(1150, 430)))
    reliability = [
        (f"{100 * one.stated:.0f} %", f"{100 * one.held:.0f} %", f"{one.count:,}")
        for one in score.reliability
    ]
    # A file's name may hold bytes that are no text; a page holds text only.
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_safe(title)}</title><style>{_CSS}</style></head><body><main>",
            f"<h1>{_safe(title)}</h1>",
            f'<p class="lead">{_safe(words.headline(score))}</p>',
            f"<p>{_safe(words.method(score))}</p>",
            *(f'<p class="note">{_safe(one)}</p>' for one in words.cautions(score)),
            f'<figure role="img" aria-label="{_safe(words.headline(score))}">{picture}</figure>',
            "<h2>Beside simple rules</h2>",
            _table(words.HEADINGS, words.method_rows(score), first_is_ours=True),
            f'<p class="note">{_safe(words.ORACLE_NOTE)}</p>',
            "<h2>Whether it kept its word</h2>",
            *(f"<p>{_safe(one)}</p>" for one in words.calibration(score)),
            _table(("Stated", "Held", "Suggestions"), reliability),
            "<h2>Folder by folder</h2>",
            _table(words.ALBUM_HEADINGS, words.album_rows(score)),
            f'<p class="note">{_safe(words.BY_TIME_NOTE)}</p>',
            f'<p class="note">Model: {_safe(score.model or "none")}. The page holds no place and '
            "no photo, only names of folders and figures. The GPS was hidden in memory; no file "
            "was changed.</p>",
            "</main></body></html>\n",
        )
    )


def _table(
    headings: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, first_is_ours: bool = False
) -> str:
    head = "".join(f'<th scope="col">{_safe(cell)}</th>' for cell in headings)
    lines = []
    for number, row in enumerate(rows):
        mark = ' class="ours"' if first_is_ours and number == 0 else ""
        lines.append(f"<tr{mark}>" + "".join(f"<td>{_safe(cell)}</td>" for cell in row) + "</tr>")
    inside = f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody>"
    return f'<div class="wide"><table>{inside}</table></div>'


def _safe(text: str) -> str:
    """Return text for a page: bytes of odd file names shown as such, markup taken literally."""
    shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return escape(words.bound(shown), quote=True)
