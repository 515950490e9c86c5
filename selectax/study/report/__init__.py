"""What a run shows: findings, tables, figures and the page with all of them."""
