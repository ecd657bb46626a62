"""The score of one's own library in words and rows: for the terminal, the window and the page."""

from __future__ import annotations

import math
import re

from geotagger.evaluation.completion_result import WITHIN_KM, MethodResult
from geotagger.evaluation.hidings import Way
from geotagger.evaluation.library_score import OURS, AlbumScore, LibraryScore
from geotagger.evaluation.reliability import wilson
from geotagger.evaluation.scoring import ORACLE

METHODS = {
    OURS: "This program",
    "nearest_in_time": "Nearest photo in time",
    "nearest_in_time_24h": "Nearest within a day",
    "nearest_in_time_1h": "Nearest within an hour",
    "interpolation_in_time": "Between neighbours in time",
    "album_mean": "Middle of the album",
    "nearest_lookalike": "Nearest look-alike",
    ORACLE: "Best photo at hand*",
}
"""The methods as people read them."""

ORACLE_NOTE = (
    "* The photo of the folder, or of one beside it, that is nearest to the truth, which is known "
    "only afterwards: no rule that copies the place of another photo can do better."
)

WAYS = {
    Way.RANDOM: "Single photos, at random",
    Way.DAYS: "Whole days",
    Way.STREAM: "A second camera (half of the photos)",
    Way.SHIFTED_ZONE: "A second camera, its clock in a wrong time zone",
    Way.SHIFTED_DST: "A second camera, its clock off by an hour",
    Way.SHIFTED_MINUTES: "A second camera, its clock off by minutes",
    Way.DRIFTING: "A second camera, its clock gaining or losing seconds a day",
}
"""The ways of hiding as people read them."""

ENOUGH = 30
"""Fewer photos than this tell little: 8 of 10 found may as well be half of all, or nearly all."""

HEADINGS = ("Method", *(f"≤ {km:g} km" for km in WITHIN_KM), "Median")
ALBUM_HEADINGS = ("Folder", "Hidden", *(f"≤ {km:g} km" for km in WITHIN_KM), "Median", "By time*")
BY_TIME_NOTE = "* Within 1 km by the nearest photo in time."


def headline(score: LibraryScore) -> str:
    """Return the result in a few sentences, the first of which says most."""
    ours = score.ours
    within = ours.within_km
    text = (
        f"Of {count(score.hidden, 'hidden photo')} {percent(within['1'])} were put within 1 km "
        f"and {percent(within['25'])} within 25 km"
    )
    if ours.median_km is not None:
        text += f"; half of them within {distance(ours.median_km)}"
    near = score.pooled["nearest_in_time"].within_km["1"]
    text += f". The nearest photo in time would have put {percent(near)} within 1 km."
    holds = ours.radius_holds
    if holds:
        text += f" Stated 80 % radii held {percent(holds['0.8'])}."
    return text


def method(score: LibraryScore) -> str:
    """Return in one sentence what was hidden and how."""
    rounds = "once" if score.seeds == 1 else f"{score.seeds} times with other photos each"
    share = f", {100 * score.hide:.0f} % of them" if score.how is not Way.DAYS else ""
    if score.how is Way.DAYS:
        share = f", about {100 * score.hide:.0f} % of the photos"
    folders = "1 folder" if len(score.albums) == 1 else f"{len(score.albums):,} folders"
    return (
        f"{count(score.photos, 'photo')} with GPS in {folders}. "
        f"Hidden: {lowered(WAYS[score.how])}{share}, {rounds}."
    )


def cautions(score: LibraryScore) -> list[str]:
    """Return what a reader should know before trusting the figures, a sentence or two each."""
    told = []
    if score.photos < ENOUGH:
        low, high = wilson(score.ours.within_km["1"] / 100.0, score.photos)
        told.append(
            f"Only {count(score.photos, 'photo')} could be used, so take this as a rough sign: "
            f"within 1 km may as well be {percent(100 * low)} or {percent(100 * high)}. "
            f"It needs at least {ENOUGH} to say something."
        )
    if not score.model:
        told.append("No model was used, so look-alikes were not heard.")
    elif score.embedded == 0:
        told.append("No photo was looked at yet, so look-alikes were not heard. Analyse first.")
    elif score.embedded < score.photos:
        told.append(
            f"Only {score.embedded:,} of {count(score.photos, 'photo')} were looked at yet; "
            "the others were placed without look-alikes."
        )
    if score.left_out:
        few = "no two days" if score.how is Way.DAYS else "fewer than two photos"
        folders = "1 folder has" if score.left_out == 1 else f"{score.left_out:,} folders have"
        told.append(f"{folders} {few} with GPS and stayed out.")
    told.append(
        "Photos with GPS are mostly those of a phone; those of a camera may be easier or harder."
    )
    return told


def calibration(score: LibraryScore) -> list[str]:
    """Return how well stated radii and probabilities held, a sentence each."""
    ours = score.ours
    held = [
        f"{100 * float(level):g} % radius held {percent(share)}"
        for level, share in ours.radius_holds.items()
    ]
    told = [f"Stated {', '.join(held)}."] if held else []
    if ours.calibration_error is not None:
        told.append(
            "Stated probabilities were off by "
            f"{100 * ours.calibration_error:.1f} points on average."
        )
    return told


def method_rows(score: LibraryScore) -> list[tuple[str, ...]]:
    """Return a row of `HEADINGS` for each method."""
    return [(METHODS.get(name, name), *cells(one)) for name, one in score.pooled.items()]


def album_rows(score: LibraryScore) -> list[tuple[str, ...]]:
    """Return a row of `ALBUM_HEADINGS` for each folder."""
    return [_album_row(album) for album in score.albums]


def _album_row(album: AlbumScore) -> tuple[str, ...]:
    ours = album.methods[OURS]
    near = album.methods["nearest_in_time"].within_km["1"]
    return (album.title, f"{len(ours.error_m):,}", *cells(ours), percent(near))


def cells(result: MethodResult) -> tuple[str, ...]:
    """Return the per cent within each distance and the median, as texts."""
    median = "–" if result.median_km is None else distance(result.median_km)
    return (*(f"{share:.1f} %" for share in result.within_km.values()), median)


def percent(share: float) -> str:
    """Return per cent without decimals; 100 only where nothing is missing, 0 where all is."""
    whole = round(share)
    if whole == 100 and share < 100.0:
        whole = 99
    return f"{1 if whole == 0 and share > 0.0 else whole} %"


def distance(km: float) -> str:
    """Return a distance in words, rounded to two figures: "310 m", "1.2 km"."""
    metres = km * 1000.0
    if metres < 1.0:
        return "1 m"
    unit = 10 ** max(0, math.floor(math.log10(metres)) - 1)
    rounded = round(metres / unit) * unit
    if rounded < 1000:
        return f"{rounded:.0f} m"
    return f"{rounded / 1000:,.1f} km" if rounded < 10_000 else f"{rounded / 1000:,.0f} km"


def count(number: int, what: str) -> str:
    """Return "1 photo", "2,312 photos"."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def bound(text: str) -> str:
    """Return a text whose lines never break between a number and its unit."""
    return re.sub(r"(\d) (%|k?m\b)", "\\1\N{NO-BREAK SPACE}\\2", text)


def lowered(text: str) -> str:
    """Return a text that begins with a small letter."""
    return text[:1].lower() + text[1:]


def report(score: LibraryScore) -> str:
    """Return the score as text for a terminal: sentences, the methods, folder by folder."""
    looked = f"{score.model}, {score.embedded:,} of the photos embedded" if score.model else "none"
    lines = [headline(score), method(score), f"Model: {looked}.", ""]
    lines += table(HEADINGS, method_rows(score))
    lines += ["", ORACLE_NOTE, "", *calibration(score)]
    lines += [
        f"Said {100 * one.stated:.0f} %, held {100 * one.held:.0f} % "
        f"({count(one.count, 'suggestion')})."
        for one in score.reliability
    ]
    lines += ["", *table(ALBUM_HEADINGS, album_rows(score)), "", BY_TIME_NOTE, ""]
    lines += cautions(score)
    return "\n".join(lines)


def table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Return lines with the first column to the left and all others to the right."""
    shown = [(row[0][:40], *row[1:]) for row in (headings, *rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(headings))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in shown
    ]
