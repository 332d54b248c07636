"""Image files as network input. Imports no torch, so that reader processes start quickly."""
