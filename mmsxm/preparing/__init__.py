"""What is built from a data set before training: resized copies, banks of items."""
