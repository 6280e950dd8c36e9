"""What to show: the ranker, what it knows of customers and products, and the answer."""
