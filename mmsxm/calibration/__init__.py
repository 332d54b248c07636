"""Threshold selection on labeled images as a station sees them."""
