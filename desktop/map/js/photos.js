// Photos as signs of their state; many that lie close together as one cluster with their number.
"use strict";

geotagger.Photos = geotagger.CanvasLayer.extend({
  initialize(look, options) {
    L.Renderer.prototype.initialize.call(this, options);
    this._look = look;
    this._photos = [];
    this._coming = [];
    this._selected = new Set();
    this.items = [];
  },

  // Up to so many photos each has its own sign, whatever lies close.
  mostSingle: 150,
  cell: 56,

  // Many come in parts, and are shown with the last.
  take(rows, first, last) {
    const { worldX, worldY } = geotagger.geometry;
    if (first) this._coming = [];
    for (const [id, lat, lon, state, title] of rows) {
      this._coming.push({ id, lat, lon, state, title, x: worldX(lon), y: worldY(lat) });
    }
    if (!last) return;
    this._photos = this._coming;
    this._coming = [];
    this.redraw();
  },

  select(ids) {
    this._selected = new Set(ids);
    this.redraw();
  },

  count() {
    return this._photos.length;
  },

  draw(context, view) {
    const { worldX } = geotagger.geometry;
    const shown = [];
    const middle = worldX(view.centerLon);
    for (const photo of this._photos) {
      const wx = photo.x + Math.round(middle - photo.x);
      const x = wx * view.world - view.origin.x, y = photo.y * view.world - view.origin.y;
      if (x > -30 && x < view.size.x + 30 && y > -30 && y < view.size.y + 30) {
        shown.push({ x, y, wx, photo });
      }
    }
    const cluster = this._photos.length > this.mostSingle;
    this.items = cluster ? this._cluster(shown, view) : shown.map((one) => this._single(one));
    // The chosen ones lie on top.
    this.items.sort((a, b) => a.selected - b.selected);
    for (const item of this.items) {
      if (item.photos.length > 1) this._drawCluster(context, item);
      else this._drawSign(context, item);
    }
  },

  _single({ x, y, photo }) {
    return { x, y, photos: [photo], selected: this._selected.has(photo.id), radius: 7 };
  },

  // Squares of a fixed grid over the world, so that clusters stay when the map is panned; squares
  // whose middles come too close together are joined.
  _cluster(shown, view) {
    const world = 256 * 2 ** Math.floor(view.zoom);
    const cells = new Map();
    const items = [];
    for (const one of shown) {
      if (this._selected.has(one.photo.id)) {
        items.push(this._single(one));
        continue;
      }
      const column = Math.floor((one.wx * world) / this.cell);
      const row = Math.floor((one.photo.y * world) / this.cell);
      const key = `${column},${row}`;
      let cell = cells.get(key);
      if (!cell) {
        cell = { column, row, x: 0, y: 0, photos: [] };
        cells.set(key, cell);
      }
      cell.x += one.x;
      cell.y += one.y;
      cell.photos.push(one.photo);
    }
    const clusters = [...cells.values()].sort((a, b) => b.photos.length - a.photos.length);
    for (const cell of clusters) {
      if (cell.joined) continue;
      const apart = this.cell * 0.6;
      for (let dx = -1; dx <= 1; dx += 1) {
        for (let dy = -1; dy <= 1; dy += 1) {
          const other = cells.get(`${cell.column + dx},${cell.row + dy}`);
          if (!other || other === cell || other.joined || other.done) continue;
          const near =
            Math.abs(other.x / other.photos.length - cell.x / cell.photos.length) < apart &&
            Math.abs(other.y / other.photos.length - cell.y / cell.photos.length) < apart;
          if (!near) continue;
          cell.x += other.x;
          cell.y += other.y;
          cell.photos = cell.photos.concat(other.photos);
          other.joined = true;
        }
      }
      cell.done = true;
    }
    for (const cell of clusters) {
      if (cell.joined) continue;
      const n = cell.photos.length;
      items.push({
        x: cell.x / n,
        y: cell.y / n,
        photos: cell.photos,
        selected: false,
        radius: n === 1 ? 7 : 12 + Math.min(10, 2.6 * Math.log10(n) ** 1.3),
      });
    }
    return items;
  },

  _drawSign(context, item) {
    const { dark, palette } = this._look;
    const [photo] = item.photos;
    geotagger.signs.draw(
      context, photo.state, item.x, item.y, item.selected ? 9 : item.radius, dark, palette,
      item.selected,
    );
  },

  // The ring tells in which states the photos of the cluster are.
  _drawCluster(context, item) {
    const { dark, palette } = this._look;
    const shares = new Map();
    for (const photo of item.photos) {
      const colour = geotagger.signs.colour(photo.state, dark);
      shares.set(colour, (shares.get(colour) || 0) + 1);
    }
    context.save();
    context.beginPath();
    context.arc(item.x, item.y, item.radius + 1, 0, 2 * Math.PI);
    context.fillStyle = palette.paper;
    context.shadowColor = palette.shade;
    context.shadowBlur = 4;
    context.shadowOffsetY = 1;
    context.fill();
    context.restore();
    let angle = -Math.PI / 2;
    context.lineWidth = 3;
    context.lineCap = "butt";
    for (const [colour, number] of [...shares].sort((a, b) => b[1] - a[1])) {
      const end = angle + (2 * Math.PI * number) / item.photos.length;
      context.beginPath();
      context.arc(item.x, item.y, item.radius - 1, angle, end);
      context.strokeStyle = colour;
      context.stroke();
      angle = end;
    }
    const n = item.photos.length;
    const text = n < 10000 ? String(n) : `${Math.floor(n / 1000)}k`;
    context.font = `600 ${text.length > 3 ? 10 : 11}px system-ui, "DejaVu Sans", sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = palette.ink;
    context.fillText(text, item.x, item.y + 0.5);
  },

  // The item under a point of the map's container, the topmost first.
  at(containerPoint) {
    if (!this._bounds) return null;
    const point = this._map.containerPointToLayerPoint(containerPoint).subtract(this._bounds.min);
    for (let i = this.items.length - 1; i >= 0; i -= 1) {
      const item = this.items[i];
      const reach = item.radius + 3;
      if ((item.x - point.x) ** 2 + (item.y - point.y) ** 2 <= reach * reach) return item;
    }
    return null;
  },
});
