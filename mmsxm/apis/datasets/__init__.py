"""Data sets as files: looked over, compared, copied small, and threats cut out of them."""
