from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QImage, QPaintEvent, QRegion

from desktop.library import snapshot
from desktop.library.grid import PhotoGrid
from desktop.library.layout import GridLayout
from desktop.library.model import PhotoModel
from desktop.library.snapshot import Query, Section, Snapshot
from desktop.library.thumbs import ThumbnailLoader
from desktop.work import SynchronousWork
from geotagger.library.rows import PhotoRow, PhotoState

START = datetime(2022, 5, 14, 9, tzinfo=UTC)


def row(number: int, *, minutes: float = 10, place: str = "", state=PhotoState.PENDING):
    return PhotoRow(
        id=number + 1,
        name=f"{number}.jpg",
        folder=Path("/p"),
        when=START + timedelta(minutes=minutes * number),
        zone_known=False,
        time_is_fallback=False,
        state=state,
        lat=None,
        lon=None,
        place=place,
        probability=None,
        radius_m=None,
        width=4,
        height=3,
        camera="",
        companions=0,
        error="",
    )


def taken(rows) -> Snapshot:
    return Snapshot(
        Query(Path("/p")),
        rows,
        snapshot.sections(rows),
        (),
        {},
        {},
        {one.id: at for at, one in enumerate(rows)},
    )


sections = st.lists(st.integers(1, 40), max_size=12).map(
    lambda counts: tuple(
        Section(str(at), sum(counts[:at]), count) for at, count in enumerate(counts)
    )
)


@given(sections, st.integers(0, 2000), st.integers(64, 300))
def test_every_row_is_found_where_its_cell_lies(days, width, cell):
    grid = GridLayout(days, width, cell)
    total = sum(day.count for day in days)
    rects = [grid.cell_rect(at) for at in range(total)]
    for at, rect in enumerate(rects):
        centre = rect.center()
        assert grid.row_at(centre.x(), centre.y()) == at
        assert rect.bottom() < grid.height
    assert list(grid.rows_between(0, grid.height)) == list(range(total))
    assert not any(a.intersects(b) for a, b in itertools.pairwise(rects))


@given(sections, st.integers(200, 1200), st.data())
def test_only_rows_that_show_are_visited(days, width, data):
    grid = GridLayout(days, width, 100)
    top = data.draw(st.integers(0, max(0, grid.height)))
    bottom = top + data.draw(st.integers(0, 600))
    visited = set(grid.rows_between(top, bottom))
    total = sum(day.count for day in days)
    showing = {
        at
        for at in range(total)
        if grid.cell_rect(at).bottom() >= top and grid.cell_rect(at).top() <= bottom
    }
    assert showing <= visited
    assert len(visited) <= len(showing) + 2 * grid.columns


@given(sections.filter(bool), st.integers(200, 1200), st.data())
def test_down_then_up_stays_on_the_line_it_came_from(days, width, data):
    grid = GridLayout(days, width, 100)
    total = sum(day.count for day in days)
    at = data.draw(st.integers(0, total - 1))
    below = grid.neighbour(at, 1)
    assert at <= below < total
    if below != at and grid.cell_rect(below).top() > grid.cell_rect(at).top():
        back = grid.neighbour(below, -1)
        assert grid.cell_rect(back).top() == grid.cell_rect(at).top()


def test_days_are_headed_by_date_and_the_place_that_is_known():
    rows = [
        row(0, place="Alfama, Lisbon, Portugal", state=PhotoState.HAS_GPS),
        row(1, place="Paris, Île-de-France, France", state=PhotoState.CONFIDENT),
        row(200, place="Sintra, Lisbon, Portugal", state=PhotoState.CONFIDENT),
    ]
    titles = [section.title for section in snapshot.sections(rows)]
    assert titles == [
        "Sat 14 May 2022 · Lisbon, Portugal",
        "Sun 15 May 2022 · Lisbon, Portugal (suggested)",
    ]


@pytest.fixture
def grid(qtbot):
    asked: list[int] = []

    def read(photo_id: int, _side: int) -> bytes:
        asked.append(photo_id)
        return b""

    loader = ThumbnailLoader(read, SynchronousWork())
    view = PhotoGrid(PhotoModel(), loader)
    view.asked = asked
    qtbot.addWidget(view)
    view.resize(600, 400)
    view.show()
    return view


def test_a_hundred_thousand_photos_cost_only_what_is_seen(qtbot, grid):
    rows = [row(number) for number in range(100_000)]
    grid.model().show(taken(rows))
    grid.go_to(99_999)
    qtbot.waitUntil(lambda: 100_000 in grid.asked)
    assert len(grid.asked) < 200
    assert grid.verticalScrollBar().value() == grid.verticalScrollBar().maximum()
    image = QImage(grid.size(), QImage.Format.Format_RGB32)
    grid.render(image)
    assert not image.isNull()


def test_the_current_photo_stays_when_earlier_ones_come_in(qtbot, grid):
    rows = [row(number) for number in range(100, 400)]
    grid.model().show(taken(rows))
    grid.go_to(150)
    before = grid.current_photo().id
    offset = grid.visualRect(grid.currentIndex()).top()
    grid.model().show(taken([row(number) for number in range(400)]))
    assert grid.current_photo().id == before
    assert grid.selected_ids() == [before]
    assert grid.visualRect(grid.currentIndex()).top() == offset


def test_when_the_current_photo_leaves_the_one_in_its_place_is_next(qtbot, grid):
    rows = [row(number) for number in range(20)]
    grid.model().show(taken(rows))
    grid.go_to(5)
    told: list[int] = []
    grid.photo_changed.connect(told.append)
    grid.model().show(taken(rows[:5] + rows[6:]))
    assert grid.current_photo().id == rows[6].id
    assert told == [rows[6].id]


def test_changed_rows_are_exchanged_in_place(qtbot, grid):
    rows = [row(number) for number in range(20)]
    grid.model().show(taken(rows))
    grid.go_to(5)
    grid.model().patch([row(5, state=PhotoState.ACCEPTED), row(999)])
    assert grid.current_photo().state is PhotoState.ACCEPTED
    assert grid.model().rowCount() == 20


def test_a_click_chooses_and_a_click_with_shift_chooses_the_run_between(qtbot, grid):
    rows = [row(number, minutes=1) for number in range(30)]
    grid.model().show(taken(rows))

    def click(at: int, modifier=Qt.KeyboardModifier.NoModifier) -> None:
        point: QPoint = grid.visualRect(grid.model().index(at)).center()
        qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, modifier, point)

    click(1)
    assert grid.selected_ids() == [rows[1].id]
    click(6, Qt.KeyboardModifier.ShiftModifier)
    assert grid.selected_ids() == [one.id for one in rows[1:7]]
    click(2)
    click(4, Qt.KeyboardModifier.ControlModifier)
    assert grid.selected_ids() == [rows[2].id, rows[4].id]


def test_a_screen_reader_hears_name_state_and_place(grid):
    one = row(0, place="Lisbon, Portugal", state=PhotoState.CONFIDENT)
    grid.model().show(taken([one]))
    said = grid.model().index(0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert said == "0.jpg, Suggested, Sat 14 May 2022, 09:00, Lisbon, Portugal"


class Painted(QObject):
    """Hears which parts of a widget are painted."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.region = QRegion()

    def eventFilter(self, _of: QObject, event: QEvent) -> bool:  # noqa: N802
        if isinstance(event, QPaintEvent):
            self.region = self.region.united(event.region())
        return False


def test_the_frame_leaves_one_photo_and_reaches_the_next_at_once(grid, qtbot):
    rows = tuple(row(number, minutes=1) for number in range(6))
    grid.model().show(taken(rows))
    grid.go_to(0)
    qtbot.wait(50)
    painted = Painted(grid)
    grid.viewport().installEventFilter(painted)
    cells = [grid.visualRect(grid.model().index(at, 0)) for at in (0, 4)]
    qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=cells[1].center())
    qtbot.waitUntil(lambda: all(painted.region.contains(cell) for cell in cells))
