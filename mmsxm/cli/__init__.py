"""Command line: one thin module per command, each with a ``main`` that takes arguments."""
