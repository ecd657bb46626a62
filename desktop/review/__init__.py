"""Looking at a photo, its candidates, and deciding."""
