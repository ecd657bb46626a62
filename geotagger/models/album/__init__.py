"""The album's sequence models: recurrent networks, the hidden Markov model, the smoother."""
