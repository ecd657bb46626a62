"""From evidence to ranked candidates with radius, probability and reasons."""
