from __future__ import annotations

import math
import os
import sqlite3
import threading
from pathlib import Path

import pytest

from geotagger.errors import CatalogCorruptError, CatalogError, CatalogTooNewError
from geotagger.library import clocks, schema
from geotagger.library.catalog import CATALOG_VARIABLE, Catalog, default_path
from geotagger.library.clocks import ClockDecision
from geotagger.suggest.clock_course import Course
from geotagger.suggest.clocks import ClockOffset


def test_a_new_file_becomes_an_empty_catalog_of_the_newest_version(catalog: Catalog) -> None:
    with catalog.reading() as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == schema.VERSION
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("SELECT count(*) FROM photos").fetchone()[0] == 0


def test_a_catalog_from_a_newer_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    Catalog.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(CatalogTooNewError) as caught:
        Catalog.open(path)
    assert caught.value.path == path
    assert "newer version" in str(caught.value) and "Update" in caught.value.remedy
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"x" * 5000]
)
def test_a_damaged_catalog_is_named_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.sqlite"
    path.write_bytes(content)
    with pytest.raises(CatalogCorruptError) as caught:
        Catalog.open(path)
    assert caught.value.path == path
    assert "Move the file away" in caught.value.remedy
    assert path.read_bytes() == content


def test_a_damaged_catalog_with_a_backup_points_to_it(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with Catalog.open(path) as catalog:
        catalog.set_setting("kept", [1, 2])
        assert catalog.back_up()
        assert not catalog.back_up()
    path.write_bytes(b"broken" * 1000)
    with pytest.raises(CatalogCorruptError) as caught:
        Catalog.open(path)
    assert "c.sqlite.backup" in caught.value.remedy
    (tmp_path / "c.sqlite.backup").replace(path)
    with Catalog.open(path) as catalog:
        assert catalog.setting("kept") == [1, 2]


def test_somebody_elses_database_is_not_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (x)")
    connection.close()
    with pytest.raises(CatalogCorruptError):
        Catalog.open(path)
    connection = sqlite3.connect(path)
    assert [row[0] for row in connection.execute("SELECT name FROM sqlite_master")] == ["mine"]
    connection.close()


def test_clocks_of_a_catalog_of_the_sixth_version_stay_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    for script in schema.MIGRATIONS[:6]:
        connection.executescript(script)
    connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 6")
    connection.execute(
        "INSERT INTO clocks VALUES (?, 'camera', 'phone', 7200, 0.97, 9, 'set', 3600)", (b"/a",)
    )
    connection.close()
    with Catalog.open(path) as catalog:
        assert clocks.found_of(catalog, "/a") == [ClockOffset("camera", "phone", 7200.0, 0.97, 9)]
        assert clocks.corrections(catalog, "/a") == {"camera": 3600.0}
        course = Course(((-math.inf, 7200.0), (1e9, 0.0)), -3.0, 1e9)
        clocks.decide(catalog, "/a", "camera", ClockDecision.to_set(course))
        assert clocks.corrections(catalog, "/a") == {"camera": course}


def test_a_migration_that_fails_leaves_the_old_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.sqlite"
    Catalog.open(path).close()
    broken = (*schema.MIGRATIONS, "CREATE TABLE half (x);\nCREATE TABLE photos (again);\n")
    monkeypatch.setattr(schema, "MIGRATIONS", broken)
    monkeypatch.setattr(schema, "VERSION", len(broken))
    with pytest.raises(CatalogError):
        Catalog.open(path)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(broken) - 1
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    assert "half" not in names and "photos" in names


def test_a_folder_that_cannot_be_made_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CatalogError) as caught:
        Catalog.open(tmp_path / "file" / "below" / "c.sqlite")
    assert caught.value.path is not None and "--catalog" in caught.value.remedy


def test_a_full_disk_is_told_as_such_and_nothing_is_half_stored(catalog: Catalog) -> None:
    with catalog.reading() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(CatalogError) as caught:
        catalog.set_setting("big", "x" * 1_000_000)
    assert "full" in caught.value.message
    assert catalog.setting("big") is None


def test_threads_have_connections_of_their_own(catalog: Catalog) -> None:
    seen: list[int] = []

    def work(number: int) -> None:
        catalog.set_setting(f"k{number}", number)
        seen.append(id(catalog.connection()))
        catalog.release()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [catalog.setting(f"k{number}") for number in range(6)] == list(range(6))
    assert id(catalog.connection()) not in seen or len(seen) == 6


def test_the_path_comes_from_the_environment_where_it_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CATALOG_VARIABLE, os.fspath(tmp_path / "x.sqlite"))
    assert default_path() == tmp_path / "x.sqlite"
    monkeypatch.delenv(CATALOG_VARIABLE)
    assert default_path().name == "catalog.sqlite"
