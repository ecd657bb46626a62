// Land, coasts and borders, in the level of detail that the zoom deserves.
"use strict";

geotagger.BaseMap = geotagger.CanvasLayer.extend({
  initialize(look, options) {
    L.Renderer.prototype.initialize.call(this, options);
    this._look = look;
    this._levels = new Map();
    this._failed = new Set();
  },

  drawnLevel: "",

  _wanted(zoom) {
    if (zoom < 2.5) return ["110m", "50m", "10m"];
    return zoom < 5.5 ? ["50m", "110m", "10m"] : ["10m", "50m", "110m"];
  },

  async _fetch(name) {
    if (this._levels.has(name) || this._failed.has(name)) return;
    this._levels.set(name, null);
    try {
      const data = await geotagger.geometry.load(`data/outlines-${name}.json.gz`);
      const { unpack } = geotagger.geometry;
      this._levels.set(name, {
        land: data.land.map((rings) => rings.map((ring) => unpack(ring, data.scale))),
        borders: data.borders.map((line) => unpack(line, data.scale)),
      });
      this.redraw();
    } catch (error) {
      this._levels.delete(name);
      this._failed.add(name);
      console.error(`The base map cannot be read: ${error}`);
    }
  },

  draw(context, view) {
    const wanted = this._wanted(view.zoom);
    this._fetch(wanted[0]);
    // Until the right level has come, the next best that is there.
    const name = wanted.find((level) => this._levels.get(level));
    if (!name) return;
    this.drawnLevel = name;
    const level = this._levels.get(name);
    const { palette } = this._look;
    context.lineJoin = "round";
    for (const copy of view.copies) {
      const cuts = [];
      context.beginPath();
      for (const rings of level.land) {
        if (!this._seen(rings[0], copy, view)) continue;
        for (const ring of rings) this._trace(context, ring, copy, view, cuts);
      }
      context.fillStyle = palette.land;
      context.fill("evenodd");
      context.lineWidth = 1;
      context.strokeStyle = palette.coast;
      context.stroke();
      this._mend(context, cuts, palette.land);
      this._strokeBorders(context, level.borders, copy, view, palette);
    }
  },

  _seen(box, copy, view) {
    return (
      box.east + copy >= view.west && box.west + copy <= view.east &&
      box.south >= view.north && box.north <= view.south
    );
  },

  // Adds a ring to the path: only the part in view, only points that differ on the screen.
  _trace(context, ring, copy, view, cuts) {
    if (!this._seen(ring, copy, view)) return;
    const { xy } = ring;
    const { world, origin } = view;
    let points = [];
    let lastX = Infinity, lastY = Infinity;
    const last = xy.length - 2;
    for (let i = 0; i < xy.length; i += 2) {
      const x = (xy[i] + copy) * world - origin.x, y = xy[i + 1] * world - origin.y;
      if (i < last && Math.abs(x - lastX) < 0.7 && Math.abs(y - lastY) < 0.7) continue;
      if (ring.cut && i && this._onEdge(xy, i)) cuts.push([lastX, lastY, x, y]);
      points.push(x, y);
      lastX = x;
      lastY = y;
    }
    // Clipped a little outside the canvas, so that no coast is drawn along its edge.
    const margin = 8;
    points = geotagger.geometry.clipRing(
      points, -margin, -margin, view.size.x + margin, view.size.y + margin,
    );
    if (points.length < 6) return;
    context.moveTo(points[0], points[1]);
    for (let i = 2; i < points.length; i += 2) context.lineTo(points[i], points[i + 1]);
    context.closePath();
  },

  // Whether a stretch lies on the date line or on the southern end of the map.
  _onEdge(xy, i) {
    const along = xy[i] === xy[i - 2] && (xy[i] === 0 || xy[i] === 1);
    return along || (xy[i + 1] > 0.99999 && xy[i - 1] > 0.99999);
  },

  // Where the data or the map cut the land there is no coast.
  _mend(context, cuts, colour) {
    if (!cuts.length) return;
    context.beginPath();
    for (const [x1, y1, x2, y2] of cuts) {
      context.moveTo(x1, y1);
      context.lineTo(x2, y2);
    }
    context.lineWidth = 2;
    context.strokeStyle = colour;
    context.stroke();
  },

  _strokeBorders(context, borders, copy, view, palette) {
    const { world, origin, size } = view;
    context.beginPath();
    for (const line of borders) {
      if (!this._seen(line, copy, view)) continue;
      const { xy } = line;
      let lastX = (xy[0] + copy) * world - origin.x, lastY = xy[1] * world - origin.y;
      let drawing = false;
      for (let i = 2; i < xy.length; i += 2) {
        const x = (xy[i] + copy) * world - origin.x, y = xy[i + 1] * world - origin.y;
        if (i < xy.length - 2 && Math.abs(x - lastX) < 0.7 && Math.abs(y - lastY) < 0.7) continue;
        const out =
          (x < 0 && lastX < 0) || (y < 0 && lastY < 0) ||
          (x > size.x && lastX > size.x) || (y > size.y && lastY > size.y);
        if (out) {
          drawing = false;
        } else {
          if (!drawing) context.moveTo(lastX, lastY);
          context.lineTo(x, y);
          drawing = true;
        }
        lastX = x;
        lastY = y;
      }
    }
    context.lineWidth = 1;
    context.strokeStyle = palette.border;
    context.setLineDash(view.zoom < 4 ? [] : [5, 3]);
    context.stroke();
    context.setLineDash([]);
  },
});
