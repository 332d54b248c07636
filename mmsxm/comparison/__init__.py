"""How two sets of images differ: sizes, look, and what a linear classifier sees."""
