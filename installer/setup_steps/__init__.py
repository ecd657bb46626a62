"""The steps of the set-up, standard library only; ``installer/bootstrap.py`` runs them."""
