"""Training of models: the shipped starter, and what users train themselves."""
