"""Writing GPS into files: one module per container, found through `registry`."""
