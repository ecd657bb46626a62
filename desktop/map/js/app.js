// Puts the map together and connects it with the program: commands come in, events go out.
"use strict";

geotagger.start = (map, options) => {
  const look = { dark: false, palette: geotagger.palettes.light };
  let reduced = false;
  let bridge = null;
  const unsaid = [];

  const tell = (name, ...args) => {
    const text = JSON.stringify({ name, args });
    if (bridge) bridge.tell(text);
    else unsaid.push(text);
  };

  map.setMinZoom(options.minZoom);
  map.setMaxZoom(options.maxZoom);
  // A double click is two clicks that set a place: it must not also zoom.
  map.doubleClickZoom.disable();
  map.attributionControl.setPrefix(false);
  map.attributionControl.addAttribution("Natural Earth, GeoNames");
  L.control.scale({ imperial: false, maxWidth: 120 }).addTo(map);
  // North of the arctic and south of Antarctica there is nothing; east and west go on for ever.
  map.setMaxBounds([[-86, -1e6], [86, 1e6]]);

  const panes = { land: 200, labels: 250, photos: 450 };
  for (const [name, z] of Object.entries(panes)) {
    const pane = map.createPane(`geotagger-${name}`);
    pane.style.zIndex = z;
    pane.style.pointerEvents = "none";
  }
  const base = new geotagger.BaseMap(look, { pane: "geotagger-land" }).addTo(map);
  const labels = new geotagger.Labels(look, { pane: "geotagger-labels" }).addTo(map);
  const photos = new geotagger.Photos(look, { pane: "geotagger-photos" }).addTo(map);
  const candidates = new geotagger.Candidates(map, look, tell);

  const paint = () => {
    const root = document.documentElement;
    root.classList.toggle("dark", look.dark);
    root.classList.toggle("still", reduced);
    for (const [name, colour] of Object.entries(look.palette)) {
      root.style.setProperty(`--${name}`, colour);
    }
    for (const layer of [base, labels, photos]) layer.redraw();
    candidates.restyle();
  };

  const goTo = (lat, lon, zoom) => {
    const place = [lat, geotagger.geometry.nearLon(lon, map.getCenter().lng)];
    const target = zoom === null || zoom === undefined ? map.getZoom() : zoom;
    if (reduced) map.setView(place, target, { animate: false });
    else map.flyTo(place, target, { duration: 0.3 });
  };

  // The narrowest span of longitudes with all places in it: the widest gap stays outside.
  const around = (points) => {
    const lons = points.map(([, lon]) => lon).sort((a, b) => a - b);
    let start = 0, widest = lons[0] + 360 - lons[lons.length - 1];
    for (let i = 1; i < lons.length; i += 1) {
      if (lons[i] - lons[i - 1] > widest) {
        widest = lons[i] - lons[i - 1];
        start = i;
      }
    }
    const west = lons[start], east = west + 360 - widest;
    const lats = points.map(([lat]) => lat);
    const shift = geotagger.geometry.nearLon((west + east) / 2, map.getCenter().lng) - (west + east) / 2;
    return L.latLngBounds([Math.min(...lats), west + shift], [Math.max(...lats), east + shift]);
  };

  const fit = (points, maxZoom) => {
    const bounds = around(points);
    const how = { padding: [36, 36], maxZoom };
    if (reduced) map.fitBounds(bounds, { ...how, animate: false });
    else map.flyToBounds(bounds, { ...how, duration: 0.3 });
  };

  const commands = {
    setSigns: (table) => {
      geotagger.signs.set(table);
      photos.redraw();
    },
    takePhotos: (rows, first, last) => photos.take(rows, first, last),
    highlightPhotos: (ids) => photos.select(ids),
    setCandidates: (rows) => candidates.set(rows),
    highlightCandidate: (index) => candidates.highlight(index),
    setMarker: (lat, lon, draggable) => candidates.setMarker(lat, lon, draggable),
    clearMarker: () => candidates.clearMarker(),
    flyTo: goTo,
    fit,
    setDark: (dark) => {
      look.dark = dark;
      look.palette = geotagger.palettes[dark ? "dark" : "light"];
      paint();
    },
    setReducedMotion: (value) => {
      reduced = value;
      map._zoomAnimated = !value && L.Browser.any3d;
      map.options.inertia = !value;
      paint();
    },
    tellCenter: (number) => {
      const { lat, lng } = map.getCenter();
      tell("place", number, lat, lng);
    },
    tellPlace: (number, x, y) => {
      const { lat, lng } = map.containerPointToLatLng([x, y]);
      tell("place", number, lat, lng);
    },
  };

  // Clicks and the pointer ----------------------------------------------------------------------

  // Photos at the same spot cannot be told apart by zooming: clicking again gives the next.
  let turn = { key: "", next: 0 };
  const choose = (item) => {
    const spread = L.latLngBounds(item.photos.map(({ lat, lon }) => [lat, lon]));
    const apart = spread.getNorthEast().distanceTo(spread.getSouthWest()) > 3;
    if (item.photos.length > 1 && apart && map.getZoom() < map.getMaxZoom()) {
      fit(item.photos.map(({ lat, lon }) => [lat, lon]), Math.min(map.getZoom() + 4, 18));
      return;
    }
    const key = item.photos.map(({ id }) => id).join(",");
    turn = { key, next: turn.key === key ? (turn.next + 1) % item.photos.length : 0 };
    tell("photoChosen", item.photos[turn.next].id);
  };

  map.on("click", (event) => {
    const item = photos.at(event.containerPoint);
    if (item) choose(item);
    else tell("mapClicked", event.latlng.lat, event.latlng.lng);
  });

  const hint = L.tooltip({ direction: "top", offset: [0, -8], className: "geotagger-hint" });
  let hinted = null;
  map.on("mousemove", (event) => {
    const item = photos.at(event.containerPoint);
    map.getContainer().classList.toggle("geotagger-over", Boolean(item));
    const photo = item && item.photos.length === 1 ? item.photos[0] : null;
    if (photo === hinted) return;
    hinted = photo;
    if (!photo || !photo.title) {
      hint.remove();
      return;
    }
    // Text, never markup: a file may be called anything.
    const words = document.createElement("span");
    words.textContent = photo.title;
    const near = geotagger.geometry.nearLon(photo.lon, map.getCenter().lng);
    hint.setLatLng([photo.lat, near]).setContent(words).addTo(map);
  });
  map.on("mouseout zoomstart", () => {
    hinted = null;
    hint.remove();
  });

  map.on("moveend", () => {
    const { lat, lng } = map.getCenter();
    tell("moved", lat, lng, map.getZoom());
  });
  new ResizeObserver(() => map.invalidateSize({ pan: false })).observe(map.getContainer());

  // What is on the map, as JSON, for tests and for the log.
  geotagger.state = () => {
    const { lat, lng } = map.getCenter();
    return JSON.stringify({
      ...candidates.state(),
      center: [lat, lng],
      zoom: map.getZoom(),
      dark: look.dark,
      reduced,
      loading: geotagger.geometry.waiting(),
      level: base.drawnLevel,
      labels: labels.drawn,
      photos: photos.count(),
      items: photos.items.map(({ photos: members }) => members.length),
      hint: hinted ? hint.getElement() && hint.getElement().textContent : null,
    });
  };
  geotagger.pixel = (lat, lon) => {
    const { x, y } = map.latLngToContainerPoint(
      [lat, geotagger.geometry.nearLon(lon, map.getCenter().lng)],
    );
    return JSON.stringify([x, y]);
  };

  paint();
  new QWebChannel(qt.webChannelTransport, (channel) => {
    bridge = channel.objects.bridge;
    bridge.command.connect((text) => {
      const { name, args } = JSON.parse(text);
      if (!Object.hasOwn(commands, name)) {
        console.error(`The map does not know the command ${name}`);
        return;
      }
      try {
        commands[name](...args);
      } catch (error) {
        console.error(`${name}: ${error.stack || error}`);
      }
    });
    for (const text of unsaid.splice(0)) bridge.tell(text);
    tell("ready");
  });
};
