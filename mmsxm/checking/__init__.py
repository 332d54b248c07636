"""Data check before training."""
