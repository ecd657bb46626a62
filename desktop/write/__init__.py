"""Writing places into files, and taking writes back."""
