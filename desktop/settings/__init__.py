"""What the window remembers, and preferences."""
