"""How good the suggestions are, measured on albums whose places are known."""
