"""Training and testing from a config, and related tools."""
