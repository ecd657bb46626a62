// A canvas that moves and scales with the map and is drawn anew when the map comes to rest.
// Built on Leaflet's renderer, which keeps it in place during zoom animations.
"use strict";

geotagger.CanvasLayer = L.Renderer.extend({
  options: { padding: 0.25 },

  // Given by each layer: draw(context, view).

  getEvents() {
    const events = L.Renderer.prototype.getEvents.call(this);
    events.move = this._whileMoving;
    return events;
  },

  redraw() {
    if (!this._map || this._frame) return;
    this._frame = requestAnimationFrame(() => {
      this._frame = 0;
      if (this._map && !this._map._animatingZoom) this._update();
    });
  },

  _initContainer() {
    this._container = L.DomUtil.create("canvas", "geotagger-canvas");
    this._context = this._container.getContext("2d");
  },

  _destroyContainer() {
    if (this._frame) cancelAnimationFrame(this._frame);
    this._frame = 0;
    L.DomUtil.remove(this._container);
    delete this._container;
    delete this._context;
  },

  // Panned beyond what is drawn: do not wait for the end of the drag.
  _whileMoving() {
    if (!this._bounds || this._map._animatingZoom || this._map.getZoom() !== this._zoom) return;
    const corner = this._map.containerPointToLayerPoint([0, 0]);
    const seen = L.bounds(corner, corner.add(this._map.getSize()));
    if (!this._bounds.contains(seen)) this.redraw();
  },

  _update() {
    if (this._map._animatingZoom && this._bounds) return;
    L.Renderer.prototype._update.call(this);
    const { min } = this._bounds;
    const size = this._bounds.getSize();
    const ratio = window.devicePixelRatio || 1;
    L.DomUtil.setPosition(this._container, min);
    this._container.width = Math.ceil(size.x * ratio);
    this._container.height = Math.ceil(size.y * ratio);
    this._container.style.width = `${size.x}px`;
    this._container.style.height = `${size.y}px`;
    const context = this._context;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, size.x, size.y);
    const zoom = this._map.getZoom();
    const world = 256 * 2 ** zoom;
    const origin = this._map.getPixelOrigin().add(min);
    const west = origin.x / world, east = (origin.x + size.x) / world;
    this.draw(context, {
      zoom,
      world,
      origin,
      size,
      west,
      east,
      north: origin.y / world,
      south: (origin.y + size.y) / world,
      // The copies of the world that can be seen.
      copies: Array.from(
        { length: Math.floor(east + 0.2) - Math.floor(west - 0.2) + 1 },
        (_, i) => Math.floor(west - 0.2) + i,
      ),
      centerLon: this._map.getCenter().lng,
    });
    this.fire("update");
  },
});
