"""How the starter model was trained: "same place" by metric learning, and a scene head."""
