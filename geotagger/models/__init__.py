"""Networks that turn pixels into numbers, and where their weights come from."""
