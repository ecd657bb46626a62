"""The window: shows what the engine knows, asks the user, and holds no rule of its own."""
