// Draws the signs of photo states from the table that the program gives (see desktop/signs.py).
"use strict";

geotagger.signs = (() => {
  let table = { stroke: 0.24, signs: {} };
  const unknown = { words: "", light: "#6a7280", dark: "#9aa3b2", shape: [["ring", 0.76]] };

  const set = (value) => {
    table = value;
  };
  const of = (state) => (Object.hasOwn(table.signs, state) ? table.signs[state] : unknown);
  const colour = (state, dark) => of(state)[dark ? "dark" : "light"];

  function trace(context, points, scale) {
    points.forEach(([x, y], i) => {
      if (i) context.lineTo(x * scale, y * scale);
      else context.moveTo(x * scale, y * scale);
    });
  }

  // Draws a sign of `radius` pixels around (x, y), on a little paper so that it is seen anywhere.
  function draw(context, state, x, y, radius, dark, palette, selected) {
    const sign = of(state);
    const own = colour(state, dark);
    context.save();
    context.translate(x, y);
    context.beginPath();
    context.arc(0, 0, radius + (selected ? 5 : 2), 0, 2 * Math.PI);
    context.fillStyle = palette.paper;
    context.globalAlpha = selected ? 1 : 0.9;
    context.fill();
    context.globalAlpha = 1;
    if (selected) {
      context.lineWidth = 2;
      context.strokeStyle = palette.accent;
      context.stroke();
    }
    context.scale(radius, radius);
    context.lineCap = "round";
    context.lineJoin = "round";
    for (const [kind, value] of sign.shape) {
      context.beginPath();
      context.lineWidth = table.stroke;
      context.strokeStyle = kind === "mark" ? palette.paper : own;
      context.fillStyle = kind === "hole" ? palette.paper : own;
      context.setLineDash([]);
      if (kind === "half") {
        context.arc(0, 0, value, Math.PI / 2, 1.5 * Math.PI);
        context.fill();
      } else if (kind === "disc" || kind === "hole") {
        context.arc(0, 0, value, 0, 2 * Math.PI);
        context.fill();
      } else if (kind === "ring" || kind === "dashes") {
        context.arc(0, 0, value, 0, 2 * Math.PI);
        if (kind === "dashes") {
          context.lineCap = "butt";
          context.setLineDash([2.2 * table.stroke, 1.8 * table.stroke]);
        }
        context.stroke();
      } else if (kind === "area") {
        trace(context, value, 1 - table.stroke / 2);
        context.closePath();
        context.fill();
        context.stroke();
      } else {
        trace(context, value, 1);
        if (kind === "outline") context.closePath();
        context.stroke();
      }
    }
    context.restore();
  }

  return { set, of, colour, draw };
})();
