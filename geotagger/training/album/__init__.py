"""Training of the album's sequence models on simulated albums."""
