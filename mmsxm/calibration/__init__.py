"""Choosing thresholds on labelled images as a station sees them."""
