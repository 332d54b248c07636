"""Files, untrusted text and worker processes. Imports no torch."""
