"""Coordinates as people type and paste them: decimal, degrees-minutes-seconds, links."""

from __future__ import annotations

import math
import re
from urllib.parse import parse_qs, unquote, urlsplit

from geotagger.earth.distance import wrap_lon

MAX_LENGTH = 2000
"""Longer text is not coordinates; it is refused before any pattern looks at it."""

_EXAMPLES = "Try 52.5200, 13.4050 or 52°31'12\"N 13°24'18\"E."
_DECIMAL = r"[+-]?\d{1,3}(?:\.\d+)?"

# In links: latitude and longitude after @, in a parameter, or in OpenStreetMap's fragment.
_AT = re.compile(rf"@({_DECIMAL}),({_DECIMAL})")
_DATA = re.compile(rf"!3d({_DECIMAL})!4d({_DECIMAL})")
_FRAGMENT = re.compile(rf"map=[\d.]+/({_DECIMAL})/({_DECIMAL})")
_PATH_PAIR = re.compile(rf"/({_DECIMAL}),\s*({_DECIMAL})(?:/|$)")
_PAIR = re.compile(rf"\s*({_DECIMAL})\s*[,; ]\s*({_DECIMAL})(?![\d.])")
_PAIR_PARAMETERS = ("q", "query", "ll", "sll", "center", "cp", "destination", "daddr", "place")
_LAT_LON_PARAMETERS = (("mlat", "mlon"), ("lat", "lon"), ("lat", "lng"), ("latitude", "longitude"))

# One angle: degrees, then minutes and seconds if there are any, with or without their signs.
_NUMBER = r"\d+(?:\.\d+)?"
_DEGREE_SIGN = "[°ºd˚*]"
_MINUTE_SIGN = "['′’‘´`m]"
_SECOND_SIGN = "(?:[\"″”“s]|''|′′|’’)"
_ANGLE = re.compile(
    rf"\s*(?P<head>[NSEW])?\s*(?P<sign>[+−-])?\s*(?P<degrees>{_NUMBER})\s*{_DEGREE_SIGN}?"
    rf"(?:[\s:]*(?P<minutes>{_NUMBER})\s*(?:{_MINUTE_SIGN}(?!')|:|(?=\s)|(?=[NSEW,;]|$)))?"
    rf"(?:[\s:]*(?P<seconds>{_NUMBER})\s*{_SECOND_SIGN}?)?"
    rf"\s*(?P<tail>[NSEW](?![a-z]))?\s*",
    re.IGNORECASE,
)


def parse(text: str) -> tuple[float, float]:
    """Return latitude and longitude of typed or pasted text, in degrees.

    Understood are decimal degrees (also with a decimal comma when the numbers are parted by a
    space or semicolon), degrees and minutes with or without seconds, hemisphere letters before or
    behind, ``geo:`` URIs, and links of the usual map sites. The letter O is refused: it is the east
    in German and the west in French. Without letters latitude comes first.

    Raises
    ------
    ValueError
        With a sentence for the user, if the text is no place.
    """
    text = text.strip()
    if not text:
        raise ValueError(f"No coordinates were given. {_EXAMPLES}")
    if len(text) > MAX_LENGTH:
        raise ValueError(f"This is too long to be coordinates. {_EXAMPLES}")
    if text[:4].casefold() == "geo:":
        return _geo_uri(text)
    if "://" in text or text.casefold().startswith(("www.", "maps.")):
        return _link(text)
    return _typed(text)


def format_degrees(lat: float, lon: float) -> str:
    """Return a place as text that `parse` reads back, to about 0.1 m: "52.520008, 13.404954"."""
    return f"{_plain(lat)}, {_plain(float(wrap_lon(lon)))}"


def _plain(value: float) -> str:
    text = f"{value:.6f}"
    return "0.000000" if text == "-0.000000" else text


def _checked(lat: float, lon: float) -> tuple[float, float]:
    if not (math.isfinite(lat) and math.isfinite(lon)):
        raise ValueError(f"These are not numbers of degrees. {_EXAMPLES}")
    if abs(lat) > 90.0:
        hint = " Latitude comes first." if abs(lon) <= 90.0 and abs(lat) <= 180.0 else ""
        raise ValueError(f"The latitude {lat:g} is not between -90 and 90.{hint}")
    if abs(lon) > 180.0:
        raise ValueError(f"The longitude {lon:g} is not between -180 and 180.")
    # Adding zero makes a plain zero of a negative one.
    return lat + 0.0, float(wrap_lon(lon)) + 0.0


def _geo_uri(text: str) -> tuple[float, float]:
    """RFC 5870; Android's ``geo:0,0?q=lat,lon(label)`` as well."""
    body, _, query = text[4:].partition("?")
    asked = parse_qs(query).get("q", [""])[0]
    place = body.partition(";")[0]
    if asked and (pair := _PAIR.match(asked)):
        return _checked(float(pair[1]), float(pair[2]))
    parts = place.split(",")
    try:
        return _checked(float(parts[0]), float(parts[1]))
    except (IndexError, ValueError) as error:
        if isinstance(error, ValueError) and str(error).startswith("The l"):
            raise
        raise ValueError("This geo: address has no coordinates in it.") from error


def _link(text: str) -> tuple[float, float]:
    address = unquote(text).replace("+", " ")
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        parameters = parse_qs(parts.query) | parse_qs(parts.fragment)
    except ValueError as error:
        raise ValueError("This link cannot be read.") from error
    # The pinned place first, the middle of the view only after it.
    if found := _DATA.search(address):
        return _checked(float(found[1]), float(found[2]))
    for lat_name, lon_name in _LAT_LON_PARAMETERS:
        if lat_name in parameters and lon_name in parameters:
            try:
                return _checked(float(parameters[lat_name][0]), float(parameters[lon_name][0]))
            except ValueError as error:
                raise ValueError(f"The place in this link is not right. {error}") from error
    for name in _PAIR_PARAMETERS:
        for value in parameters.get(name, []):
            # Bing parts the pair with a tilde, Google may say "loc:" before it.
            value = value.replace("~", ",").removeprefix("loc:")
            if pair := _PAIR.match(value):
                return _checked(float(pair[1]), float(pair[2]))
    for pattern in (_AT, _FRAGMENT, _PATH_PAIR):
        if found := pattern.search(address):
            return _checked(float(found[1]), float(found[2]))
    raise ValueError(
        "This link has no coordinates in it; a shortened link has to be opened in a browser first."
    )


def _typed(text: str) -> tuple[float, float]:
    cleaned = text.strip("()[]{} \t\n").replace("−", "-").replace("\u00a0", " ")
    cleaned = re.sub(r"\b(?:lat(?:itude)?|lon(?:gitude)?|lng)\b\s*[:=]?", " ", cleaned, flags=re.I)
    cleaned = re.sub(r"\b(?:Ost|East)\b", "E", cleaned, flags=re.I)
    cleaned = re.sub(r"\b(?:Nord|North)\b", "N", cleaned, flags=re.I)
    cleaned = re.sub(r"\b(?:Süd|South|Sud)\b", "S", cleaned, flags=re.I)
    cleaned = re.sub(r"\b(?:West|Ouest|Oeste)\b", "W", cleaned, flags=re.I)
    if re.search(r"\d\s*[°'′\"″”]*\s*O\b|\bO\s*\d", cleaned, re.IGNORECASE):
        raise ValueError("O may be east (Ost) or west (Ouest, Oeste): please write E or W.")
    if re.search(r"\de[+-]?\d", cleaned):
        raise ValueError(f"This cannot be read as coordinates. {_EXAMPLES}")
    halves = _halves(_decimal_points(cleaned.strip()))
    if halves is None:
        raise ValueError(f"This cannot be read as coordinates. {_EXAMPLES}")
    (first, first_axis), (second, second_axis) = halves
    if first_axis and first_axis == second_axis:
        raise ValueError("Both numbers are latitudes or both are longitudes.")
    if first_axis == "lon" or second_axis == "lat":
        first, second = second, first
    return _checked(first, second)


def _decimal_points(text: str) -> str:
    """Return text with decimal points where it has decimal commas.

    "52,52 13,40" and "52,52; 13,40" have them, "52,13" and "52.5,13.4" have not.
    """
    if "." in text or not re.search(r"\d,\d", text):
        return text
    commas = re.findall(r"\d,\d", text)
    parted = re.search(r"\d[^\d,]*(?:;|\s|,\s)[^\d,]*\d", text)
    if len(commas) >= 2 or (parted and len(commas) == 1 and _has_angle_signs(text)):
        if len(commas) == 2 and not parted:
            return text
        return re.sub(r"(\d),(\d)", r"\1.\2", text)
    return text


def _has_angle_signs(text: str) -> bool:
    return re.search(r"[°'′\"″]", text) is not None


def _halves(text: str) -> tuple[tuple[float, str], tuple[float, str]] | None:
    """Return the two angles of the text with their axes ("lat", "lon" or unknown)."""
    for separator in (r"\s*[;/]\s*", r"\s*,\s*"):
        parts = [part for part in re.split(separator, text) if part]
        if len(parts) == 2:
            angles = [_whole_angle(part) for part in parts]
            if angles[0] is not None and angles[1] is not None:
                return angles[0], angles[1]
            return None
    # Nothing between them but a space or a letter: try each place where the text may part.
    for spot in _spots(text):
        one, other = _whole_angle(text[:spot]), _whole_angle(text[spot:])
        if one is not None and other is not None:
            return one, other
    return None


def _spots(text: str) -> list[int]:
    """Return where the second angle may begin, the likeliest first."""
    letters = [match.start() for match in re.finditer(r"[NSEW]", text, re.IGNORECASE)]
    numbers = [match.start() for match in re.finditer(rf"[+-]?{_NUMBER}", text)]
    if len(letters) == 2 and letters[0] == 0:
        return [letters[1]]
    if letters:
        return [letters[0] + 1]
    degrees = [m.start() for m in re.finditer(rf"[+-]?\s*{_NUMBER}\s*{_DEGREE_SIGN}", text)]
    if len(degrees) == 2:
        return [degrees[1]]
    # 2, 4 or 6 bare numbers: half of them each.
    return [numbers[len(numbers) // 2]] if len(numbers) in (2, 4, 6) else []


def _whole_angle(text: str) -> tuple[float, str] | None:
    match = _ANGLE.fullmatch(text)
    if match is None:
        return None
    head, tail = match["head"], match["tail"]
    if head and tail:
        return None
    degrees = float(match["degrees"])
    minutes = float(match["minutes"] or 0.0)
    seconds = float(match["seconds"] or 0.0)
    if minutes >= 60.0 or seconds >= 60.0:
        return None
    if (match["minutes"] and not degrees.is_integer()) or (
        match["seconds"] and not minutes.is_integer()
    ):
        return None
    letter = (head or tail or "").upper()
    value = degrees + minutes / 60.0 + seconds / 3600.0
    if match["sign"] in ("-", "−"):
        value = -value
    if letter in ("S", "W"):
        # With a minus sign as well ("-33.9 S") the letter says the same once more.
        value = -abs(value)
    axis = {"N": "lat", "S": "lat", "E": "lon", "W": "lon"}.get(letter, "")
    return value, axis
