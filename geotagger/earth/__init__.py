"""The earth: distances, place names, outlines of countries."""
