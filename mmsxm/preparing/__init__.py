"""Data built before training: resized copies and threat banks."""
