"""Screening: image sources, results of the network and the results file."""
