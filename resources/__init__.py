"""Data that the program ships, found through ``importlib.resources.files("resources")``."""
