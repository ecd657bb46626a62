// Numbered candidates with the circles that hold them, and the one marker that can be dragged.
"use strict";

geotagger.Candidates = class {
  constructor(map, look, tell) {
    this._map = map;
    this._look = look;
    this._tell = tell;
    this._shown = [];
    this._chosen = null;
    this._marker = null;
    this._dragging = false;
    map.on("moveend", () => this._followWorld());
  }

  set(rows) {
    for (const { marker, circle } of this._shown) {
      marker.remove();
      circle.remove();
    }
    this._chosen = null;
    this._shown = rows.map((row) => this._show(row));
    this.restyle();
  }

  highlight(index) {
    this._chosen = index;
    this.restyle();
  }

  setMarker(lat, lon, draggable) {
    this.clearMarker();
    const element = document.createElement("div");
    element.className = "geotagger-pin-shape";
    this._marker = L.marker(this._near(lat, lon), {
      draggable,
      autoPan: true,
      keyboard: false,
      zIndexOffset: 2000,
      icon: L.divIcon({
        className: draggable ? "geotagger-pin geotagger-draggable" : "geotagger-pin",
        html: element,
        iconSize: [26, 34],
        iconAnchor: [13, 33],
      }),
    }).addTo(this._map);
    this._marker.on("dragstart", () => {
      this._dragging = true;
    });
    this._marker.on("dragend", () => {
      this._dragging = false;
      const { lat: north, lng: east } = this._marker.getLatLng();
      this._tell("markerDragged", north, east);
    });
    this.restyle();
  }

  clearMarker() {
    if (this._marker) this._marker.remove();
    this._marker = null;
    this._dragging = false;
    this.restyle();
  }

  restyle() {
    const { palette } = this._look;
    for (const { row, circle, element } of this._shown) {
      const chosen = row.index === this._chosen;
      element.classList.toggle("geotagger-chosen", chosen);
      element.classList.toggle("geotagger-beside-pin", this._isUnderPin(row));
      circle.setStyle({
        color: palette.accent,
        weight: chosen ? 2 : 1.2,
        opacity: chosen ? 0.95 : 0.6,
        fillColor: palette.accent,
        fillOpacity: chosen ? 0.16 : 0.07,
      });
    }
  }

  state() {
    return {
      candidates: this._shown.map(({ row, marker, circle, element }) => ({
        index: row.index,
        number: element.textContent,
        title: marker.options.title,
        lat: marker.getLatLng().lat,
        lon: marker.getLatLng().lng,
        radius: circle.getRadius(),
        chosen: row.index === this._chosen,
        besidePin: element.classList.contains("geotagger-beside-pin"),
      })),
      marker: this._marker && {
        lat: this._marker.getLatLng().lat,
        lon: this._marker.getLatLng().lng,
        draggable: this._marker.options.draggable,
      },
    };
  }

  // The pin stands on the chosen candidate as a rule; its number is then read beside the pin.
  _isUnderPin(row) {
    if (!this._marker) return false;
    const { lat, lng } = this._marker.getLatLng();
    const [, lon] = this._near(row.lat, row.lon);
    return Math.abs(lat - row.lat) < 1e-7 && Math.abs(lng - lon) < 1e-7;
  }

  _near(lat, lon) {
    return [lat, geotagger.geometry.nearLon(lon, this._map.getCenter().lng)];
  }

  _show(row) {
    const place = this._near(row.lat, row.lon);
    const circle = L.circle(place, { radius: Math.max(row.radius, 0), interactive: false });
    circle.addTo(this._map);
    const element = document.createElement("div");
    element.className = "geotagger-number";
    element.textContent = String(row.index + 1);
    const share = `${Math.round(row.probability * 100)} %`;
    const marker = L.marker(place, {
      title: row.label ? `${row.index + 1}  ${row.label}, ${share}` : `${row.index + 1}  ${share}`,
      riseOnHover: true,
      // The best lies on top.
      zIndexOffset: 1000 - 10 * row.index,
      icon: L.divIcon({
        className: "geotagger-candidate", html: element, iconSize: [24, 24], iconAnchor: [12, 12],
      }),
    }).addTo(this._map);
    marker.on("click", () => this._tell("candidateChosen", row.index));
    return { row, marker, circle, element };
  }

  // Markers stand on the copy of the world that is looked at.
  _followWorld() {
    const all = this._shown.flatMap(({ marker, circle }) => [marker, circle]);
    if (this._marker && !this._dragging) all.push(this._marker);
    for (const layer of all) {
      const { lat, lng } = layer.getLatLng();
      const [, near] = this._near(lat, lng);
      if (Math.abs(near - lng) > 1) layer.setLatLng([lat, near]);
    }
  }
};
