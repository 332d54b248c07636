"""Image files as a network's input; imports no torch, so that processes which read start soon."""
