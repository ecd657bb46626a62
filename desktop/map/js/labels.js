// Names of countries, cities and villages: the larger first, the smaller where there is room.
"use strict";

geotagger.Labels = geotagger.CanvasLayer.extend({
  initialize(look, options) {
    L.Renderer.prototype.initialize.call(this, options);
    this._look = look;
    this._countries = [];
    this._places = [];
    this._asked = new Set();
    this.drawn = [];
  },

  onAdd(map) {
    this._ask("labels", (data) => {
      this._countries = data.countries;
    });
    this._ask("cities", (data) => this._takePlaces(data));
    return geotagger.CanvasLayer.prototype.onAdd.call(this, map);
  },

  async _ask(name, take) {
    if (this._asked.has(name)) return;
    this._asked.add(name);
    try {
      take(await geotagger.geometry.load(`data/${name}.json.gz`));
      this.redraw();
    } catch (error) {
      console.error(`The names on the map cannot be read: ${error}`);
    }
  },

  // Names of places in view: as many as this whatever their size, and never more than that.
  enough: 8,
  most: 140,

  // Sets of places, each sorted by size and binned by degree.
  _takePlaces(data) {
    const names = data.names.split("\n");
    const bins = new Map();
    data.lat.forEach((lat, i) => {
      const key = Math.floor(lat / 1e4) * 1000 + Math.floor(data.lon[i] / 1e4);
      const bin = bins.get(key);
      if (bin) bin.push(i);
      else bins.set(key, [i]);
    });
    this._places.push({ names, lat: data.lat, lon: data.lon, size: data.size, bins });
  },

  // The smallest population, in thousands, that is named at a zoom.
  _smallest(zoom) {
    const steps = [
      [2.5, 7000], [3.5, 3000], [4.5, 1200], [5.5, 500], [6.5, 200], [7.5, 80], [8.5, 30], [9.5, 15],
      [10.5, 4], [11.5, 1],
    ];
    const step = steps.find(([limit]) => zoom < limit);
    return step ? step[1] : 0;
  },

  draw(context, view) {
    const { palette } = this._look;
    this.drawn = [];
    this._taken = [];
    context.lineJoin = "round";
    if (view.zoom < 7.5) this._drawCountries(context, view, palette);
    const count = this._drawPlaces(context, view, palette);
    // Where hardly anybody lives, villages are worth their names from afar.
    if (view.zoom >= (count < this.enough ? 5 : 9)) {
      this._ask("villages", (data) => this._takePlaces(data));
    }
  },

  _drawCountries(context, view, palette) {
    const { worldX, worldY } = geotagger.geometry;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (const [name, lat, lon, width] of this._countries) {
      const room = (width / 360) * view.world;
      if (room < 22) break;
      const size = Math.max(10, Math.min(15, room / 16));
      context.font = `600 ${size}px system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif`;
      context.letterSpacing = `${(size / 12).toFixed(1)}px`;
      const text = name.toUpperCase();
      const wide = context.measureText(text).width;
      if (wide > room * 1.25) continue;
      for (const copy of view.copies) {
        const x = (worldX(lon) + copy) * view.world - view.origin.x;
        const y = worldY(lat) * view.world - view.origin.y;
        if (x < -wide || x > view.size.x + wide || y < -size || y > view.size.y + size) continue;
        if (!this._claim(x - wide / 2, y - size * 0.7, wide, size * 1.4)) continue;
        this._write(context, text, x, y, palette.country, palette.halo);
        this.drawn.push(name);
      }
    }
    context.letterSpacing = "0px";
  },

  _drawPlaces(context, view, palette) {
    const { worldX, worldY } = geotagger.geometry;
    const smallest = this._smallest(view.zoom);
    context.textAlign = "left";
    context.textBaseline = "middle";
    let count = 0;
    for (const set of this._places) {
      for (const [index, copy] of this._inView(set, view, smallest)) {
        const size = set.size[index];
        if (count >= (size < smallest ? this.enough : this.most)) break;
        const x = (worldX(set.lon[index] / 1e4) + copy) * view.world - view.origin.x;
        const y = worldY(set.lat[index] / 1e4) * view.world - view.origin.y;
        if (x < -100 || x > view.size.x || y < -10 || y > view.size.y + 10) continue;
        const big = view.zoom >= 5 && size >= (view.zoom >= 8.5 ? 100 : 1000);
        const small = size < 15;
        const height = big ? 13 : small || view.zoom < 3 ? 11 : 12;
        const weight = big ? 600 : 400;
        context.font =
          `${weight} ${height}px system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif`;
        const wide = context.measureText(set.names[index]).width;
        if (!this._claim(x - 4, y - height * 0.75, wide + 14, height * 1.5)) continue;
        context.beginPath();
        context.arc(x, y, big ? 2.6 : 2, 0, 2 * Math.PI);
        context.fillStyle = palette.dot;
        context.fill();
        const colour = small ? palette.village : palette.city;
        this._write(context, set.names[index], x + 6, y, colour, palette.halo);
        this.drawn.push(set.names[index]);
        count += 1;
      }
    }
    return count;
  },

  // The places of a set in view, the largest first, with the copy of the world they are seen on.
  * _inView(set, view, smallest) {
    const lonOf = (x) => x * 360 - 180;
    const latOf = (y) => (Math.atan(Math.sinh((0.5 - y) * 2 * Math.PI)) * 180) / Math.PI;
    const west = lonOf(view.west), east = lonOf(view.east);
    const south = Math.floor(latOf(view.south)), north = Math.floor(latOf(view.north));
    if ((east - west) * (north - south) > 2500) {
      for (let i = 0; i < set.size.length && set.size[i] >= smallest; i += 1) {
        for (const copy of view.copies) yield [i, copy];
      }
      return;
    }
    const found = [];
    for (let column = Math.floor(west); column <= east; column += 1) {
      const copy = Math.floor((column + 180) / 360);
      for (let row = south; row <= north; row += 1) {
        for (const i of set.bins.get(row * 1000 + column - 360 * copy) || []) {
          found.push([i, copy]);
        }
      }
    }
    found.sort((a, b) => a[0] - b[0]);
    yield* found;
  },

  _write(context, text, x, y, colour, halo) {
    context.lineWidth = 3;
    context.strokeStyle = halo;
    context.strokeText(text, x, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
  },

  // Takes a box for a name if no earlier name has it.
  _claim(left, top, width, height) {
    const right = left + width, bottom = top + height;
    for (const box of this._taken) {
      if (left < box[2] && right > box[0] && top < box[3] && bottom > box[1]) return false;
    }
    this._taken.push([left, top, right, bottom]);
    return true;
  },
});
