"""Where the cells and headings of the grid lie: a computation with sections, not with rows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from PySide6.QtCore import QRect

from desktop.library.snapshot import Section

GAP = 8
MARGIN = 16
HEADING = 32


class GridLayout:
    """Cells of one size in rows, each section under a heading. Coordinates are of the content."""

    def __init__(self, sections: Sequence[Section] = (), width: int = 0, cell: int = 128) -> None:
        self.sections = tuple(sections)
        self.cell = cell
        self.columns = max(1, (width - 2 * MARGIN + GAP) // (cell + GAP))
        self._tops: list[int] = []
        self._firsts = [section.first for section in self.sections]
        y = GAP
        for section in self.sections:
            self._tops.append(y)
            lines = -(-section.count // self.columns)
            y += HEADING + lines * (cell + GAP) + GAP
        self.height = y

    @property
    def line(self) -> int:
        """Height of one line of cells."""
        return self.cell + GAP

    def cell_rect(self, row: int) -> QRect:
        """Return where the cell of a row lies."""
        at = bisect_right(self._firsts, row) - 1
        if at < 0:
            return QRect()
        line, column = divmod(row - self.sections[at].first, self.columns)
        return QRect(
            MARGIN + column * (self.cell + GAP),
            self._tops[at] + HEADING + line * self.line,
            self.cell,
            self.cell,
        )

    def heading_rect(self, at: int, width: int) -> QRect:
        """Return where the heading of a section lies."""
        return QRect(MARGIN, self._tops[at], max(0, width - 2 * MARGIN), HEADING)

    def row_at(self, x: int, y: int) -> int | None:
        """Return the row whose cell covers a point."""
        at = bisect_right(self._tops, y) - 1
        if at < 0:
            return None
        section = self.sections[at]
        line, in_line = divmod(y - self._tops[at] - HEADING, self.line)
        column, in_column = divmod(x - MARGIN, self.cell + GAP)
        if line < 0 or not 0 <= column < self.columns:
            return None
        if in_line >= self.cell or in_column >= self.cell:
            return None
        number = line * self.columns + column
        return section.first + number if number < section.count else None

    def sections_between(self, top: int, bottom: int) -> range:
        """Return the sections that show between two heights."""
        first = max(0, bisect_right(self._tops, top) - 1)
        return range(first, bisect_right(self._tops, bottom))

    def rows_between(self, top: int, bottom: int) -> Iterator[int]:
        """Yield the rows whose cells show between two heights, in order."""
        for at in self.sections_between(top, bottom):
            section = self.sections[at]
            start = self._tops[at] + HEADING
            first_line = max(0, (top - start) // self.line)
            last_line = (bottom - start) // self.line
            first = first_line * self.columns
            last = min(section.count, (last_line + 1) * self.columns)
            yield from range(section.first + first, section.first + max(first, last))

    def neighbour(self, row: int, lines: int) -> int:
        """Return the row that lies so many lines below (above if negative), headings crossed."""
        at = bisect_right(self._firsts, row) - 1
        line, column = divmod(row - self.sections[at].first, self.columns)
        line += lines
        while line < 0 and at > 0:
            at -= 1
            line += -(-self.sections[at].count // self.columns)
        while at < len(self.sections) - 1:
            here = -(-self.sections[at].count // self.columns)
            if line < here:
                break
            line -= here
            at += 1
        section = self.sections[at]
        last_line = (section.count - 1) // self.columns
        line = min(max(line, 0), last_line)
        return section.first + min(line * self.columns + column, section.count - 1)
