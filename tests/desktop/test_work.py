from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import QObject, QThread
from PySide6.QtWidgets import QApplication

from desktop.work import SynchronousWork, Work, each
from geotagger.errors import FolderError
from geotagger.progress import Progress


@pytest.fixture
def work(qapp):
    made = Work({"one": 1, "many": 3})
    yield made
    assert made.shutdown(10)


def test_results_arrive_on_the_main_thread_and_work_runs_off_it(qtbot, work):
    here = threading.get_ident()
    seen = []
    work.start(
        "one",
        lambda _: threading.get_ident(),
        done=lambda there: seen.append((there, threading.get_ident())),
    )
    qtbot.waitUntil(lambda: bool(seen))
    (there, delivered) = seen[0]
    assert there != here
    assert delivered == here
    assert QThread.currentThread() is QApplication.instance().thread()


def test_items_come_in_order_and_before_the_end(qtbot, work):
    told: list[object] = []
    work.start(
        "one",
        lambda context: each(range(1000), context),
        items=told.extend,
        done=lambda count: told.append(("end", count)),
    )
    qtbot.waitUntil(lambda: bool(told) and told[-1] == ("end", 1000))
    assert told[:-1] == list(range(1000))


def test_a_flood_of_progress_reaches_the_window_as_a_trickle(qtbot, work):
    told: list[Progress] = []
    ended = []

    def flood(context):
        for number in range(50_000):
            context.progress(Progress(number, 50_000, "Counting"))

    work.start("one", flood, progress=told.append, done=lambda _: ended.append(True))
    qtbot.waitUntil(lambda: bool(ended))
    assert told[-1].done == 49_999
    assert len(told) < 50_000 / 2


def test_an_exception_is_delivered_to_whoever_asked_for_it(qtbot, work):
    told = []
    error = FolderError("There is no such folder.")

    def fail(_):
        raise error

    work.start("one", fail, failed=told.append)
    qtbot.waitUntil(lambda: told == [error])


def test_an_exception_that_nobody_asked_for_is_still_heard(qtbot, work):
    def fail(_):
        raise RuntimeError("a fault")

    with qtbot.waitSignal(work.failed_unheard) as heard:
        work.start("one", fail)
    assert str(heard.args[0]) == "a fault"


def test_cancelled_work_ends_and_says_so_and_waiting_work_never_begins(qtbot, work):
    begun, ended = threading.Event(), []

    def forever(context):
        begun.set()
        while True:
            context.cancel.raise_if_cancelled()

    first = work.start("one", forever, cancelled=lambda: ended.append(1))
    second = work.start("one", lambda _: ended.append("ran"), cancelled=lambda: ended.append(2))
    begun.wait(10)
    second.cancel()
    first.cancel()
    qtbot.waitUntil(lambda: ended == [1, 2])


def test_newer_work_of_a_kind_silences_the_older(qtbot, work):
    owner, told, go = QObject(), [], threading.Event()

    def slow(_):
        go.wait(10)
        return "old"

    work.latest("photo", "many", slow, owner=owner, done=told.append)
    work.latest("photo", "many", lambda _: "new", owner=owner, done=told.append)
    qtbot.waitUntil(lambda: told == ["new"])
    go.set()
    qtbot.waitUntil(lambda: not work.busy)
    assert told == ["new"]


def test_results_for_an_object_that_is_gone_are_dropped(qtbot, work):
    import shiboken6

    owner, told, go = QObject(), [], threading.Event()
    work.start("one", lambda _: go.wait(10), owner=owner, done=told.append)
    shiboken6.delete(owner)
    go.set()
    qtbot.waitUntil(lambda: not work.busy)
    QApplication.processEvents()
    assert told == []


def test_one_thread_keeps_the_order_of_what_was_started(qtbot, work):
    told: list[int] = []
    for number in range(50):
        work.start("one", lambda _, n=number: n, done=told.append)
    qtbot.waitUntil(lambda: len(told) == 50)
    assert told == list(range(50))


def test_shutting_down_cancels_everything_within_its_bound_and_refuses_more(qapp):
    work = Work({"one": 1})
    begun = threading.Event()
    ended = []

    def forever(context):
        begun.set()
        while not context.cancel.cancelled:
            pass

    work.start("one", forever, done=ended.append)
    begun.wait(10)
    assert work.shutdown(10)
    job = work.start("one", ended.append)
    QApplication.processEvents()
    assert job.finished
    assert ended == []


def test_shutting_down_does_not_wait_for_what_cannot_be_stopped(qapp):
    work, stuck = Work({"one": 1}), threading.Event()
    begun = threading.Event()

    def deaf(_):
        begun.set()
        stuck.wait(30)

    work.start("one", deaf)
    begun.wait(10)
    assert not work.shutdown(0.05)
    stuck.set()
    assert work.shutdown(10)


def test_a_thread_cleans_up_when_it_ends(qapp):
    ended: list[str] = []
    work = Work({"one": 2}, on_thread_end=lambda: ended.append(threading.current_thread().name))
    work.start("one", lambda _: None)
    work.start("one", lambda _: None)
    assert work.shutdown(10)
    assert sorted(ended) == ["one-0", "one-1"]


def test_the_synchronous_variant_is_done_when_start_returns(qapp):
    work, told = SynchronousWork({"one": 1}), []
    job = work.start(
        "one",
        lambda context: each("ab", context),
        items=told.extend,
        done=told.append,
    )
    assert told == ["a", "b", 2]
    assert job.finished
