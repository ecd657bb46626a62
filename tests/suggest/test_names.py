"""What names of folders, files and captions add to a suggestion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from geotagger.earth.distance import haversine_m
from geotagger.errors import ModelError
from geotagger.library.texts import folder_texts
from geotagger.suggest.album import suggest_album
from geotagger.suggest.names import trust
from geotagger.suggest.names.guessing import guesses_of
from geotagger.suggest.names.text import MOST_WORDS, words_of
from geotagger.suggest.types import AlbumPhoto, PhotoText, Suggestion, SuggestionState, TextKind
from tests.suggest.making import photo

CORDOBA_SPAIN = (37.88, -4.78)
CORDOBA_ARGENTINA = (-31.41, -64.18)
SEVILLE, PARIS, TOKYO = (37.39, -5.99), (48.8566, 2.3522), (35.6762, 139.6503)


def named(
    folders: str = "",
    *,
    file: str = "DSC_0001.JPG",
    caption: str = "",
    keywords: tuple[str, ...] = (),
    place: str = "",
    of: AlbumPhoto | None = None,
) -> AlbumPhoto:
    """Return a photo in folders "above/own" with other texts."""
    parts = list(reversed([part for part in folders.split("/") if part]))
    texts = [PhotoText(TextKind.FILE, file)]
    texts += [
        PhotoText(TextKind.PARENT if level else TextKind.FOLDER, part)
        for level, part in enumerate(parts)
    ]
    texts += [PhotoText(TextKind.CAPTION, caption)] if caption else []
    texts += [PhotoText(TextKind.KEYWORD, word) for word in keywords]
    texts += [PhotoText(TextKind.PLACE, place)] if place else []
    return replace(of or photo("a", None), texts=tuple(texts))


def suggest(*photos: AlbumPhoto) -> Suggestion:
    return suggest_album(photos)[-1]


def away_km(suggestion: Suggestion, place: tuple[float, float]) -> float:
    best = suggestion.candidates[0]
    return float(haversine_m(best.lat, best.lon, *place)) / 1e3


@pytest.mark.parametrize(
    ("photo_of", "place"),
    [
        (named("Espagne/Cordoue"), CORDOBA_SPAIN),
        (named("Urlaub 2019/Griechenland/Kreta"), (35.2, 24.9)),
        (named("argentine/Ushuaïa"), (-54.8, -68.3)),
        (named("media/Canada/Montreal"), (45.51, -73.59)),
        (named("tanzanie/Serengeti"), (-2.3, 34.8)),
        (named(caption="Blue Ridge parkway, Asheville, North Carolina"), (35.6, -82.55)),
        (named(caption="Jardi\xadn, Colombia"), (5.6, -75.82)),
        (named(caption="Adirondacks, NY"), (44.0, -74.2)),
        (named(caption="Portland, Maine"), (43.66, -70.26)),
        (named("day-02-pondicherry-to-lakshmi-villas"), (11.93, 79.83)),
        (named(file="bb2024-lake-tahoe.JPG"), (39.1, -120.0)),
        (named("東京 2019"), TOKYO),
        (named("France/Nice"), (43.7, 7.27)),
        (named(place="Reading, England, United Kingdom"), (51.45, -0.97)),
        (named(keywords=("beach", "Lisboa", "Portugal")), (38.72, -9.13)),
    ],
)
def test_names_lead_to_their_places(photo_of, place):
    suggestion = suggest(photo_of)
    assert suggestion.state is not SuggestionState.INSUFFICIENT
    assert away_km(suggestion, place) < 110


def test_the_reason_names_the_folder_and_what_it_means():
    best = suggest(named("Espagne/Cordoue")).candidates[0]
    assert best.reasons[0] == "the folder is called “Cordoue” (Córdoba, Andalusia, Spain)"


@pytest.mark.parametrize(
    "folders",
    [
        "photos",
        "static/images",
        "data/test",
        "DCIM/100NIKON",
        "maps/Photos",
        "media/carpentry/table",
        "Camera/Export",
        "test/fixtures",
        "2019/07/24",
        "best of/summer",
        "Nice",
        "Reading",
        "Florence",
        "Family/Charlotte",
        "IMG_2231 (copy)",
    ],
)
def test_everyday_words_are_too_little_evidence(folders):
    suggestion = suggest(named(folders))
    assert suggestion.state is SuggestionState.INSUFFICIENT
    assert all(one.probability < 0.35 for one in suggestion.candidates)


@pytest.mark.parametrize("name", ["Nikon D5000.jpg", "IMG_0042.HEIC", "java.jpeg", "jpg.jpg", "a"])
def test_file_names_of_cameras_and_extensions_say_nothing(name):
    assert suggest(named("photos", file=name)).state is SuggestionState.INSUFFICIENT


def test_an_ambiguous_name_keeps_several_candidates_and_is_not_sure():
    suggestion = suggest(named("Cordoba"))
    places = [(one.lat, one.lon) for one in suggestion.candidates]
    for wanted in (CORDOBA_SPAIN, CORDOBA_ARGENTINA):
        assert min(float(haversine_m(*place, *wanted)) for place in places) < 300e3
    assert suggestion.state is not SuggestionState.CONFIDENT


def test_the_country_of_the_parent_folder_decides_between_places_of_one_name():
    assert away_km(suggest(named("Spain/Cordoba")), CORDOBA_SPAIN) < 60
    assert away_km(suggest(named("Argentina/Cordoba")), CORDOBA_ARGENTINA) < 300


def test_the_albums_anchors_decide_between_places_of_one_name():
    guess = guesses_of([photo("b", None, SEVILLE), named("Cordoba")])[1]
    alone = guesses_of([named("Cordoba")])[0]
    spanish = [spot.codes == ("ES",) for spot in guess.spots]
    assert guess.share[spanish].sum() > 0.8
    before = [spot.codes == ("ES",) for spot in alone.spots]
    assert guess.share[spanish].sum() > alone.share[before].sum() + 0.2


def test_the_same_texts_are_read_once_and_new_anchors_are_heard_all_the_same():
    photos = [named("Cordoba"), named("Cordoba"), named("Cordoba")]
    alone = guesses_of(photos)[0]
    for place in (CORDOBA_SPAIN, CORDOBA_ARGENTINA):
        placed = replace(photos[2], anchor=photo("c", None, place).anchor)
        guess = guesses_of([*photos[:2], placed])[0]
        assert haversine_m(guess.lat[0], guess.lon[0], *place) < 100_000
        assert guess.share[0] > 0.5
    assert (guesses_of(photos)[0].share == alone.share).all()


def test_the_captions_of_other_photos_decide_between_places_of_one_name():
    others = [named(caption="Sevilla") for _ in range(5)] + [named(caption="Granada, Spain")]
    guess = guesses_of([*others, named(caption="Cordoba")])[-1]
    alone = guesses_of([named(caption="Cordoba")])[0]
    assert guess.spots[0].codes == ("ES",)
    assert guess.share[0] > alone.share[0] * 0.9
    assert sum(guess.share[[s.codes == ("ES",) for s in guess.spots]]) > sum(
        alone.share[[s.codes == ("ES",) for s in alone.spots]]
    )


def test_a_name_far_from_all_anchors_loses_weight():
    anchors = [photo(str(n), n, PARIS) for n in range(10)]
    alone = guesses_of([named("Tokyo")])[0]
    among = guesses_of([*anchors, named("Tokyo")])[-1]
    assert among.share.sum() < alone.share.sum() * 0.8


def test_a_folder_does_not_overrule_an_anchor_a_minute_away():
    near = [photo("near.jpg", 1, PARIS), photo("near2.jpg", -1, PARIS)]
    suggestion = suggest(*near, named("Tokyo", of=photo("a", 0)))
    assert away_km(suggestion, PARIS) < 1


def test_of_two_anchors_equally_near_in_time_the_one_in_the_folders_town_wins():
    sides = [photo("before.jpg", -300, PARIS), photo("after.jpg", 300, SEVILLE)]
    for folder, place in (("Sevilla", SEVILLE), ("Paris", PARIS)):
        suggestion = suggest(*sides, named(folder, of=photo("a", 0)))
        assert away_km(suggestion, place) < 30
        assert any("the folder is called" in text for text in suggestion.candidates[0].reasons)


def test_the_rim_of_a_named_region_does_not_part_the_anchors_of_a_journey():
    halifax, cape_breton = (44.65, -63.57), (46.75, -60.90)
    for near, far in ((halifax, cape_breton), (cape_breton, halifax)):
        journey = [photo("near.jpg", -40, near), photo("far.jpg", 600, far)]
        plain = suggest(*journey, photo("a", 0))
        told = suggest(*journey, named("NovaScotia", of=photo("a", 0)))
        assert away_km(told, near) < 1
        best, without = told.candidates[0], plain.candidates[0]
        assert best.probability > without.probability - 0.05


def test_photos_without_texts_are_suggested_as_before():
    anchors = [photo("b", -5, PARIS), photo("c", 5, SEVILLE)]
    assert suggest(*anchors, photo("a", 0)) == suggest(
        *anchors, named("photos", of=photo("a", 0), file="a.jpg")
    )


@pytest.mark.parametrize(
    "text",
    [
        "x" * 10_000,
        "Paris " * 10_000,
        "\x00\x1b[31mParis\x07\x9f",
        "‮siraP ברלין القاهرة ‏",
        "e" + "\u0301" * 5_000,
        "<p onclick='x'>Paris</p> &amp; <b" + "<" * 4_000,
        "\ud800\udfff",
        "," * 5_000,
        "北京" * 3_000,
        "",
        "🗼" * 500,
        "San " * 2_000,
    ],
)
def test_any_text_is_read_without_harm(text):
    assert len(words_of(text)) <= MOST_WORDS
    (guess,) = guesses_of([named(text.replace("/", " "), caption=text, keywords=(text,))])
    if guess is not None:
        assert np.isfinite(guess.share).all() and guess.share.sum() + guess.rest < 1.02


def test_five_thousand_keywords_are_bounded_and_the_best_of_them_heard():
    words = ("Lisboa", "Portugal", *(f"word{n}" for n in range(5_000)))
    assert away_km(suggest(named(keywords=words)), (38.72, -9.13)) < 110


def test_mark_up_invisible_letters_and_camel_case_do_not_hide_a_name():
    assert [word.key for word in words_of("<i>Jar\u00addin</i> NovaScotia_2019")] == [
        "jardin",
        "nova",
        "scotia",
    ]


def test_names_above_the_opened_folder_and_of_the_home_are_no_evidence():
    root, home = Path("/data/Spain"), Path("/home/paris")
    texts = folder_texts(root / "a" / "Seville", (root,), home)
    assert [(one.kind, one.text) for one in texts] == [
        (TextKind.FOLDER, "Seville"),
        (TextKind.PARENT, "a"),
        (TextKind.PARENT, "Spain"),
    ]
    assert [one.text for one in folder_texts(home / "Rome", (home,), home)] == ["Rome"]
    assert [one.text for one in folder_texts(home / "Rome", (Path("/"),), home)] == ["Rome"]
    assert folder_texts(Path("/elsewhere/Rome"), (root,), home) == ()
    deep = root / "1" / "2" / "3" / "4" / "5"
    assert [one.text for one in folder_texts(deep, (root,), home)] == ["5", "4", "3", "2"]


def test_the_shipped_trust_is_kept_as_it_was_fitted():
    shipped = trust.shipped()
    again = trust.parse(shipped.to_json(), Path("x"))
    assert np.array_equal(again.weights, shipped.weights)
    assert again.power == shipped.power and again.slip == shipped.slip


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"format_version": 9}', '{"format_version": 1, "weights": {}}']
)
def test_a_damaged_trust_is_refused(text):
    with pytest.raises(ModelError):
        trust.parse(text, Path("x"))
