"""What the review page shows and writes down, without the page."""
