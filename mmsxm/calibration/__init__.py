"""Calibration of thresholds and scores on labeled images, prepared as at a station."""
