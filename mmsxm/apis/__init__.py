"""What tools call: one function each, that knows all parts of the package."""
