"""Screening: where images come from, what a network says of them, and the file that holds it."""
