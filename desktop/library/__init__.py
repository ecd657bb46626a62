"""Opening a folder, the albums and the grid of photos."""
