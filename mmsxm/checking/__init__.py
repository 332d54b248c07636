"""Looking over data sets before a training."""
