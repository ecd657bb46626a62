// Places, world coordinates and packed outlines. World coordinates are Mercator's, 0 to 1 from the
// date line eastward and from 85° north southward; longitudes beyond ±180° go on beyond 0 and 1.
"use strict";

window.geotagger = {};

geotagger.geometry = (() => {
  const LIMIT = 85.0511287798;

  const worldX = (lon) => (lon + 180) / 360;

  function worldY(lat) {
    const phi = (Math.max(-LIMIT, Math.min(LIMIT, lat)) * Math.PI) / 180;
    return 0.5 - Math.log(Math.tan(Math.PI / 4 + phi / 2)) / (2 * Math.PI);
  }

  // The same place on the copy of the world that is nearest to another longitude.
  const nearLon = (lon, reference) => lon + 360 * Math.round((reference - lon) / 360);

  // A flat list of differences becomes world coordinates with their box.
  function unpack(flat, scale) {
    const xy = new Float64Array(flat.length);
    let x = 0, y = 0, west = Infinity, east = -Infinity, north = Infinity, south = -Infinity;
    let cut = false;
    for (let i = 0; i < flat.length; i += 2) {
      x += flat[i];
      y += flat[i + 1];
      const wx = worldX(x * scale), wy = worldY(y * scale);
      if (i && flat[i] === 0 && Math.abs(Math.abs(x * scale) - 180) < 1e-9) cut = true;
      if (y * scale < -LIMIT) cut = true;
      xy[i] = wx;
      xy[i + 1] = wy;
      if (wx < west) west = wx;
      if (wx > east) east = wx;
      if (wy < north) north = wy;
      if (wy > south) south = wy;
    }
    return { xy, west, east, north, south, cut };
  }

  // Clips a closed ring (flat pixel coordinates) to a box, one side after the other.
  function clipRing(points, left, top, right, bottom) {
    let ring = points;
    ring = clipSide(ring, 0, left, 1);
    ring = clipSide(ring, 0, right, -1);
    ring = clipSide(ring, 1, top, 1);
    return clipSide(ring, 1, bottom, -1);
  }

  function clipSide(ring, axis, limit, sign) {
    const out = [];
    const count = ring.length;
    if (count < 6) return out;
    const other = 1 - axis;
    let beforeA = ring[count - 2 + axis], beforeB = ring[count - 2 + other];
    let beforeIn = (beforeA - limit) * sign >= 0;
    for (let i = 0; i < count; i += 2) {
      const a = ring[i + axis], b = ring[i + other];
      const isIn = (a - limit) * sign >= 0;
      if (isIn !== beforeIn) {
        const cross = beforeB + ((b - beforeB) * (limit - beforeA)) / (a - beforeA);
        if (axis === 0) out.push(limit, cross);
        else out.push(cross, limit);
      }
      if (isIn) out.push(ring[i], ring[i + 1]);
      beforeA = a;
      beforeB = b;
      beforeIn = isIn;
    }
    return out;
  }

  // Base map files are gzipped JSON; unpacking does not block the page.
  let waiting = 0;
  async function load(url) {
    waiting += 1;
    try {
      const reply = await fetch(url);
      if (!reply.ok) throw new Error(`${url}: ${reply.status}`);
      const plain = reply.body.pipeThrough(new DecompressionStream("gzip"));
      return await new Response(plain).json();
    } finally {
      waiting -= 1;
    }
  }

  return { worldX, worldY, nearLon, unpack, clipRing, load, waiting: () => waiting };
})();
