"""Photo files: find them, read their metadata and pixels, write GPS into them."""
