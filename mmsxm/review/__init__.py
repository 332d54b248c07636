"""Review of screened bags: cases, decisions, and the page that shows them."""
