"""Files, text from strangers and processes; imports no torch."""
