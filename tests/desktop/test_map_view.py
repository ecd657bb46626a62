from __future__ import annotations

import math
import os
import signal

import pytest
from PySide6.QtCore import QEvent, QPoint

from desktop.map.bridge import MapBridge
from desktop.map.view import MapCandidate, MapPhoto, MapView
from tests.desktop.map_helpers import ask, click, drag, mouse, pixel, state, wait_state

LISBON = (38.7169, -9.1399)
HOSTILE = "</script><b onclick=alert(1)>&quot;'\"`\\u2028\u2028\n${1+1}"


@pytest.fixture
def view(qtbot):
    """A map that is ready, stands still, and has had no script error when the test is over."""
    widget = MapView()
    qtbot.addWidget(widget)
    errors: list[str] = []
    widget.script_error.connect(errors.append)
    widget.resize(640, 480)
    widget.set_reduced_motion(True)
    with qtbot.waitSignal(widget.ready):
        widget.show()
    yield widget
    assert errors == []
    assert widget.blocked_requests == ()


def at_lisbon(qtbot, view, zoom=12.0):
    view.fly_to(*LISBON, zoom)
    return wait_state(
        qtbot, view, lambda now: now["zoom"] == zoom and now["center"][0] == pytest.approx(38.7169)
    )


def test_the_page_asks_for_nothing_outside_its_own_scheme(qtbot, view):
    view.fly_to(*LISBON, 10)
    wait_state(qtbot, view, lambda now: now["level"] == "10m" and now["loading"] == 0)
    assert view.passed_requests
    assert all(url.startswith("geotagger://map/") for url in view.passed_requests)
    assert any(url.endswith("leaflet.js") for url in view.passed_requests)


def test_the_base_map_is_drawn_in_more_detail_from_nearer(qtbot, view):
    view.fly_to(48.0, 10.0, 2)
    far = wait_state(qtbot, view, lambda now: now["level"] == "110m" and now["labels"])
    assert "Russia" in far["labels"]
    view.fly_to(48.0, 10.0, 4)
    wait_state(qtbot, view, lambda now: now["level"] == "50m" and "France" in now["labels"])
    view.fly_to(*LISBON, 12)
    near = wait_state(qtbot, view, lambda now: now["level"] == "10m" and "Lisbon" in now["labels"])
    assert "Portugal" not in near["labels"]


def test_villages_are_named_at_street_zooms(qtbot, view):
    view.fly_to(38.797, -9.39, 14)
    wait_state(qtbot, view, lambda now: "Sintra" in now["labels"])


def test_calls_before_the_page_is_ready_are_kept(qtbot):
    widget = MapView()
    qtbot.addWidget(widget)
    widget.set_photos([MapPhoto(7, *LISBON, "accepted", "a.jpg")])
    widget.set_candidates([MapCandidate(0, *LISBON, 300.0, 0.8, "Lisbon")])
    widget.set_marker(*LISBON)
    widget.set_dark(True)
    with qtbot.waitSignal(widget.ready):
        widget.show()
    now = wait_state(qtbot, widget, lambda now: now["marker"] is not None)
    assert now["photos"] == 1
    assert now["dark"] is True
    assert [one["index"] for one in now["candidates"]] == [0]


def test_candidates_are_numbered_from_one_with_their_radius(qtbot, view):
    view.set_candidates(
        [
            MapCandidate(0, 38.80, -9.38, 300.0, 0.81, "Sintra, Portugal"),
            MapCandidate(1, 38.70, -9.42, 2000.0, 0.11, "Cascais, Portugal"),
        ]
    )
    view.highlight_candidate(1)
    now = wait_state(qtbot, view, lambda now: any(one["chosen"] for one in now["candidates"]))
    assert [one["number"] for one in now["candidates"]] == ["1", "2"]
    assert [one["radius"] for one in now["candidates"]] == [300.0, 2000.0]
    assert [one["chosen"] for one in now["candidates"]] == [False, True]
    assert now["candidates"][0]["title"] == "1  Sintra, Portugal, 81 %"
    view.set_candidates([])
    wait_state(qtbot, view, lambda now: now["candidates"] == [])


def test_the_pin_leaves_the_number_of_its_candidate_readable(qtbot, view):
    view.set_candidates(
        [MapCandidate(0, *LISBON, 300.0, 0.6), MapCandidate(1, 38.9, -9.0, 9.0, 0.2)]
    )
    view.set_marker(*LISBON)
    wait_state(
        qtbot, view, lambda now: [one["besidePin"] for one in now["candidates"]] == [True, False]
    )
    view.clear_marker()
    wait_state(qtbot, view, lambda now: not any(one["besidePin"] for one in now["candidates"]))


def test_a_click_on_a_candidate_chooses_it(qtbot, view):
    at_lisbon(qtbot, view)
    view.set_candidates(
        [
            MapCandidate(0, *LISBON, 300.0, 0.6, "Lisbon"),
            MapCandidate(3, 38.73, -9.18, 300.0, 0.2, "Benfica"),
        ]
    )
    wait_state(qtbot, view, lambda now: len(now["candidates"]) == 2)
    spot = pixel(qtbot, view, 38.73, -9.18)
    with qtbot.waitSignal(view.candidate_chosen) as chosen:
        click(view, spot)
    assert chosen.args == [3]


def test_a_click_on_the_map_tells_its_place(qtbot, view):
    at_lisbon(qtbot, view)
    spot = pixel(qtbot, view, 38.75, -9.10)
    with qtbot.waitSignal(view.map_clicked) as clicked:
        click(view, spot)
    assert clicked.args == pytest.approx([38.75, -9.10], abs=5e-4)


def test_dragging_the_marker_tells_where_it_was_let_go(qtbot, view):
    at_lisbon(qtbot, view)
    view.set_marker(*LISBON)
    wait_state(qtbot, view, lambda now: now["marker"] is not None)
    # The pin stands on its place: its body is above it.
    body = QPoint(0, -16)
    start = pixel(qtbot, view, *LISBON) + body
    end = pixel(qtbot, view, 38.74, -9.19) + body
    with qtbot.waitSignal(view.marker_dragged) as dragged:
        drag(view, start, end)
    assert dragged.args == pytest.approx([38.74, -9.19], abs=1e-3)
    now = state(qtbot, view)
    assert [now["marker"]["lat"], now["marker"]["lon"]] == pytest.approx(dragged.args, abs=1e-9)
    assert now["center"] == pytest.approx(list(LISBON), abs=1e-3)


def test_a_marker_that_is_not_draggable_stays_where_it_is(qtbot, view):
    at_lisbon(qtbot, view)
    view.set_marker(*LISBON, draggable=False)
    wait_state(qtbot, view, lambda now: now["marker"] is not None)
    start = pixel(qtbot, view, *LISBON) + QPoint(0, -16)
    with qtbot.assertNotEmitted(view.marker_dragged):
        drag(view, start, start + QPoint(80, 40))
        now = state(qtbot, view)
    assert now["marker"]["lat"] == LISBON[0]
    view.clear_marker()
    wait_state(qtbot, view, lambda now: now["marker"] is None)


def test_a_click_on_a_photo_chooses_it(qtbot, view):
    at_lisbon(qtbot, view)
    view.set_photos(
        [MapPhoto(41, *LISBON, "has_gps", "a.jpg"), MapPhoto(42, 38.73, -9.18, "pending", "b.jpg")]
    )
    wait_state(qtbot, view, lambda now: now["items"] == [1, 1])
    spot = pixel(qtbot, view, 38.73, -9.18)
    with qtbot.waitSignal(view.photo_chosen) as chosen:
        click(view, spot)
    assert chosen.args == [42]


def test_photos_at_one_spot_are_chosen_in_turn(qtbot, view):
    at_lisbon(qtbot, view, 18.0)
    view.set_photos([MapPhoto(i, *LISBON, "accepted", f"{i}.jpg") for i in range(200)])
    wait_state(qtbot, view, lambda now: now["items"] == [200])
    spot = pixel(qtbot, view, *LISBON)
    for expected in (0, 1, 2):
        with qtbot.waitSignal(view.photo_chosen) as chosen:
            click(view, spot)
        assert chosen.args == [expected]


def test_a_click_on_a_cluster_goes_nearer(qtbot, view):
    at_lisbon(qtbot, view, 6.0)
    view.set_photos(
        [
            MapPhoto(i, 38.7 + 0.001 * (i % 15), -9.14 + 0.001 * (i // 15), "confident")
            for i in range(300)
        ]
    )
    wait_state(qtbot, view, lambda now: now["items"] == [300])
    click(view, pixel(qtbot, view, 38.707, -9.13))
    wait_state(qtbot, view, lambda now: now["zoom"] > 8)


def test_five_thousand_photos_become_clusters_that_hold_them_all(qtbot, view):
    view.fly_to(20.0, 0.0, 1)
    photos = [
        MapPhoto(i, 60 * math.sin(i * 0.7), -170 + (i * 37) % 340, "has_gps", f"IMG_{i}.jpg")
        for i in range(5000)
    ]
    view.set_photos(photos)
    now = wait_state(qtbot, view, lambda now: sum(now["items"]) == 5000)
    assert len(now["items"]) < 500
    # The page goes on answering, and what is selected is found among them all.
    view.highlight_photos([4999])
    now = wait_state(qtbot, view, lambda now: len(now["items"]) and now["items"][-1] == 1)
    assert sum(now["items"]) == 5000


def test_selected_photos_stay_out_of_clusters(qtbot, view):
    at_lisbon(qtbot, view)
    view.set_photos([MapPhoto(i, *LISBON, "accepted") for i in range(300)])
    view.highlight_photos([5, 6])
    now = wait_state(qtbot, view, lambda now: len(now["items"]) == 3)
    assert sorted(now["items"]) == [1, 1, 298]


def test_hovering_a_photo_shows_its_title_as_text(qtbot, view):
    at_lisbon(qtbot, view)
    view.set_photos([MapPhoto(1, *LISBON, "accepted", HOSTILE)])
    wait_state(qtbot, view, lambda now: now["items"] == [1])
    spot = pixel(qtbot, view, *LISBON)
    mouse(view, QEvent.Type.MouseMove, spot + QPoint(40, 40))
    mouse(view, QEvent.Type.MouseMove, spot)
    now = wait_state(qtbot, view, lambda now: now["hint"])
    assert now["hint"] == HOSTILE
    assert ask(qtbot, view, "JSON.stringify(document.querySelectorAll('b').length)") == 0


def test_hostile_names_are_text_everywhere(qtbot, view):
    view.set_candidates([MapCandidate(0, *LISBON, 300.0, 0.8, HOSTILE)])
    view.set_photos([MapPhoto(1, *LISBON, HOSTILE, HOSTILE)])
    now = wait_state(qtbot, view, lambda now: now["candidates"] and now["photos"] == 1)
    assert HOSTILE in now["candidates"][0]["title"]
    count = "JSON.stringify(document.querySelectorAll('b, [onclick]').length)"
    assert ask(qtbot, view, count) == 0


def test_names_that_are_not_utf_8_are_shown_escaped(qtbot, view):
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    view.set_candidates([MapCandidate(0, *LISBON, 300.0, 0.8, name)])
    now = wait_state(qtbot, view, lambda now: now["candidates"])
    assert "caf\\xe9.jpg" in now["candidates"][0]["title"]


@pytest.mark.parametrize("lon", [179.99, -179.99, 180.0, -180.0])
def test_at_the_date_line_everything_is_on_the_copy_that_is_looked_at(qtbot, view, lon):
    view.fly_to(-17.0, 179.9, 9)
    view.set_candidates([MapCandidate(0, -17.0, lon, 500.0, 0.7, "Fiji")])
    view.set_photos([MapPhoto(1, -17.0, lon, "accepted")])
    wait_state(
        qtbot, view, lambda now: now["candidates"] and now["items"] == [1] and now["zoom"] == 9
    )
    spot = pixel(qtbot, view, -17.0, lon)
    assert 200 < spot.x() < 440
    with qtbot.waitSignal(view.candidate_chosen):
        click(view, spot)


def test_clicks_and_drags_beyond_the_date_line_come_out_wrapped(qtbot, view):
    view.fly_to(-17.0, 179.9, 9)
    view.set_marker(-17.0, 179.9)
    wait_state(qtbot, view, lambda now: now["marker"] and now["zoom"] == 9)
    east = pixel(qtbot, view, -17.1, -179.8)
    with qtbot.waitSignal(view.map_clicked) as clicked:
        click(view, east)
    assert clicked.args == pytest.approx([-17.1, -179.8], abs=0.01)
    start = pixel(qtbot, view, -17.0, 179.9) + QPoint(0, -16)
    with qtbot.waitSignal(view.marker_dragged) as dragged:
        drag(view, start, pixel(qtbot, view, -16.9, -179.7) + QPoint(0, -16))
    assert dragged.args == pytest.approx([-16.9, -179.7], abs=0.01)


def test_fitting_takes_the_short_way_over_the_date_line(qtbot, view):
    view.fit([(-17.0, 178.0), (-18.0, -179.0)])
    now = wait_state(qtbot, view, lambda now: now["zoom"] > 5)
    assert now["center"][1] % 360 == pytest.approx(179.5, abs=0.2)


def test_fitting_one_place_does_not_go_nearer_than_asked(qtbot, view):
    view.fit([LISBON], max_zoom=13)
    now = wait_state(qtbot, view, lambda now: now["zoom"] == 13)
    assert now["center"] == pytest.approx(list(LISBON), abs=1e-3)
    view.fit([])
    assert state(qtbot, view)["zoom"] == 13


def test_the_middle_of_the_map_is_told_on_request(qtbot, view):
    at_lisbon(qtbot, view)
    with qtbot.waitCallback() as told:
        view.center(told)
    assert told.args == pytest.approx(list(LISBON), abs=1e-4)


def test_coming_to_rest_is_told(qtbot, view):
    with qtbot.waitSignal(view.moved) as moved:
        view.fly_to(*LISBON, 11)
    assert moved.args == pytest.approx([*LISBON, 11.0], abs=1e-3)


def test_with_motion_the_map_arrives_as_well(qtbot, view):
    view.set_reduced_motion(False)
    view.fly_to(*LISBON, 8)
    wait_state(qtbot, view, lambda now: now["zoom"] == 8 and now["reduced"] is False)


def test_dark_and_light_have_their_own_ground(qtbot, view):
    sea = "JSON.stringify(getComputedStyle(document.documentElement).getPropertyValue('--sea'))"
    light = ask(qtbot, view, sea)
    view.set_dark(True)
    wait_state(qtbot, view, lambda now: now["dark"])
    assert ask(qtbot, view, sea) != light


def test_places_that_are_not_numbers_are_left_out(qtbot, view):
    nan = float("nan")
    view.set_photos([MapPhoto(1, nan, 0.0, "accepted"), MapPhoto(2, 1.0, 2.0, "accepted")])
    view.set_candidates([MapCandidate(0, 1.0, math.inf, 10.0, 0.5, "")])
    now = wait_state(qtbot, view, lambda now: now["photos"] == 1)
    assert now["candidates"] == []


def test_script_errors_are_told(qtbot):
    widget = MapView()
    qtbot.addWidget(widget)
    with qtbot.waitSignal(widget.ready):
        widget.show()
    with qtbot.waitSignal(widget.script_error) as told:
        widget.page().runJavaScript("setTimeout(() => { throw new Error('broken on purpose'); })")
    assert "broken on purpose" in told.args[0]


def test_events_of_a_wrong_form_are_told_and_not_raised(qtbot):
    widget = MapView()
    qtbot.addWidget(widget)
    told: list[str] = []
    widget.script_error.connect(told.append)
    bridge = widget.findChild(MapBridge)
    for text in ("no json", "[]", '{"name": "markerDragged", "args": ["x", null]}', '{"name": 1}'):
        bridge.tell(text)
    bridge.tell('{"name": "markerDragged", "args": [1e400, 0]}')
    bridge.tell('{"name": "unheard of", "args": []}')
    assert len(told) == 6


def test_a_map_whose_process_died_comes_back_as_it_was(qtbot):
    widget = MapView()
    qtbot.addWidget(widget)
    with qtbot.waitSignal(widget.ready):
        widget.show()
    widget.set_candidates([MapCandidate(0, *LISBON, 300.0, 0.8, "Lisbon")])
    wait_state(qtbot, widget, lambda now: now["candidates"])
    with qtbot.waitSignal(widget.ready):
        os.kill(widget.page().renderProcessPid(), signal.SIGTERM)
    wait_state(qtbot, widget, lambda now: len(now["candidates"]) == 1)


def test_closing_leaves_no_page_behind_its_profile(qtbot, qtlog):
    widget = MapView()
    with qtbot.waitSignal(widget.ready):
        widget.show()
    gone: list[bool] = []
    widget.destroyed.connect(lambda: gone.append(True))
    widget.close()
    widget.deleteLater()
    qtbot.waitUntil(lambda: bool(gone))
    assert not any("profile" in record.message.casefold() for record in qtlog.records)
