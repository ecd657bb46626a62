// The colours of the map, by day and by night. Both are chosen, neither is the other inverted.
"use strict";

geotagger.palettes = {
  light: {
    sea: "#d3e0e8",
    land: "#f5f3ee",
    coast: "#a9bcc8",
    border: "#bdb6aa",
    country: "#7d8691",
    city: "#3f4954",
    village: "#6b7580",
    dot: "#6b7580",
    halo: "rgba(245, 243, 238, 0.85)",
    paper: "#ffffff",
    ink: "#20262d",
    accent: "#2563c9",
    shade: "rgba(20, 30, 40, 0.35)",
  },
  dark: {
    sea: "#171d24",
    land: "#272e36",
    coast: "#46525f",
    border: "#56606c",
    country: "#8791a0",
    city: "#d3dae2",
    village: "#a1abb7",
    dot: "#97a2b0",
    halo: "rgba(30, 36, 43, 0.85)",
    paper: "#16191d",
    ink: "#e6ebf0",
    accent: "#7fb0ff",
    shade: "rgba(0, 0, 0, 0.6)",
  },
};
