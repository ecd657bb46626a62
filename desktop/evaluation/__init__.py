"""How good suggestions are on the user's own photos: the dialog and its parts."""
