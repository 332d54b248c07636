"""Comparison of two sets of images."""
