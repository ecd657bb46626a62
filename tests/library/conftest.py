"""A fresh catalog, and records of photos that need no files."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from geotagger.library.catalog import Catalog
from geotagger.photos.record import (
    FileStamp,
    Gps,
    GpsState,
    Kind,
    PhotoRecord,
    TakenAt,
    TimeSource,
)
from tests.support.writes import open_journal


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog" / "catalog.sqlite") as opened:
        yield opened


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = open_journal(tmp_path / "journal.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "photos"
    made.mkdir()
    return made


@pytest.fixture
def make_record() -> Callable[..., PhotoRecord]:
    def make(path: Path, minute: int = 0, gps: tuple[float, float] | None = None) -> PhotoRecord:
        return PhotoRecord(
            path=path,
            kind=Kind.JPEG,
            stamp=FileStamp(1000, 2000),
            fingerprint=f"f-{path.name!a}",
            taken_at=TakenAt(
                datetime(2022, 5, 14, 10, minute, tzinfo=UTC), False, TimeSource.EXIF_LOCAL
            ),
            gps=Gps() if gps is None else Gps(GpsState.COMPLETE, *gps, source="exif"),
            camera="Acme One",
        )

    return make
