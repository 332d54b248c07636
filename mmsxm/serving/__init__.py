"""HTTP service: a network behind a bounded queue. Imports no torch."""
