from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geotagger.earth.coordinates import MAX_LENGTH, format_degrees, parse

BERLIN = (52.52, 13.405)


@pytest.mark.parametrize(
    "text",
    [
        "52.52, 13.405",
        "52.52,13.405",
        "52.52 13.405",
        "  (52.52; 13.405) ",
        "52,52 13,405",
        "52,52; 13,405",
        "52,52, 13,405",
        "52.52° N, 13.405° E",
        "N52.52 E13.405",
        "13.405E 52.52N",
        "E 13.405, N 52.52",
        "lat: 52.52 lon: 13.405",
        "52.52 Nord, 13.405 Ost",
        "52°31'12\"N 13°24'18\"E",
        "52°31′12″N, 13°24′18″E",
        "52° 31' 12'' N 13° 24' 18'' E",
        "52 31 12 N 13 24 18 E",
        "52 31 12 13 24 18",
        "52:31:12, 13:24:18",
        "N 52° 31.2' E 13° 24.3'",
        "52°31,2'N 13°24,3'E",
        "geo:52.52,13.405",
        "geo:52.52,13.405;crs=wgs84;u=35",
        "geo:0,0?q=52.52,13.405(Somewhere)",
        "https://www.openstreetmap.org/#map=14/52.52/13.405",
        "https://www.openstreetmap.org/?mlat=52.52&mlon=13.405#map=14/1/2",
        "https://www.google.com/maps/@52.52,13.405,15z",
        "https://www.google.com/maps/place/X/@1,2,15z/data=!4m5!3m4!1s0x0!8m2!3d52.52!4d13.405",
        "https://www.google.com/maps/search/?api=1&query=52.52%2C13.405",
        "https://maps.apple.com/?ll=52.52,13.405&q=Somewhere",
        "https://www.bing.com/maps?cp=52.52~13.405&lvl=11",
        "maps.google.com/?q=loc:52.52,13.405",
    ],
)
def test_usual_notations_are_understood(text):
    assert parse(text) == pytest.approx(BERLIN, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("33.9 S, 18.4 E", (-33.9, 18.4)),
        ("-33.9, 18.4", (-33.9, 18.4)),
        ("−33.9, −70.6", (-33.9, -70.6)),
        ("S 33 51.5, E151 12.4", (-(33 + 51.5 / 60), 151 + 12.4 / 60)),
        ("40°26′46″N 79°58′56″W", (40.446111, -79.982222)),
        ("+52.5 -13.4", (52.5, -13.4)),
        ("0 0", (0.0, 0.0)),
        ("12, 180", (12.0, -180.0)),
        ("-90, 0", (-90.0, 0.0)),
    ],
)
def test_hemispheres_and_ends_of_the_range(text, expected):
    assert parse(text) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "No coordinates"),
        ("   ", "No coordinates"),
        ("Berlin", "cannot be read"),
        ("52.5", "cannot be read"),
        ("1 2 3", "cannot be read"),
        ("52°61'N 13°24'E", "cannot be read"),
        ("1e5 3", "cannot be read"),
        ("nan, 3", "cannot be read"),
        ("91, 0", "latitude 91"),
        ("100, 40", "Latitude comes first"),
        ("52.5, 200", "longitude 200"),
        ("52.5N 13.4N", "Both numbers are latitudes"),
        ("52.5° N, 13.4° O", "write E or W"),
        ("https://maps.app.goo.gl/abcdef", "shortened link"),
        ("https://[broken/52.5,13.4", "cannot be read"),
        ("https://example.org/?lat=abc&lon=1", "not right"),
        ("geo:north,east", "no coordinates"),
        ("geo:95,13", "latitude 95"),
        ("1" * (MAX_LENGTH + 1), "too long"),
    ],
)
def test_what_is_no_place_is_refused_with_a_sentence(text, words):
    with pytest.raises(ValueError, match=words):
        parse(text)


@given(st.floats(-90, 90), st.floats(-180, 179.999999))
def test_formatted_places_are_read_back(lat, lon):
    assert parse(format_degrees(lat, lon)) == pytest.approx((lat, lon), abs=1e-6)


@given(st.floats(-89.99, 89.99), st.floats(-179.99, 179.99))
def test_degrees_minutes_and_seconds_are_read_back(lat, lon):
    def angle(value: float, letters: str) -> str:
        tenths = round(abs(value) * 36_000)
        degrees, rest = divmod(tenths, 36_000)
        minutes, seconds = divmod(rest, 600)
        return f"{degrees}°{minutes:02}'{seconds / 10:04.1f}\"{letters[value < 0]}"

    text = f"{angle(lat, 'NS')} {angle(lon, 'EW')}"
    assert parse(text) == pytest.approx((lat, lon), abs=1e-4)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_but_never_crashes(text):
    try:
        lat, lon = parse(text)
    except ValueError as error:
        assert str(error)
    else:
        assert -90 <= lat <= 90
        assert -180 <= lon < 180


def test_negative_zero_is_written_as_zero():
    assert format_degrees(-0.0, -1e-9) == "0.000000, 0.000000"
