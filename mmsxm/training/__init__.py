"""Training and testing from a config, and what surrounds a training."""
