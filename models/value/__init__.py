"""What a customer is worth over the next 12 months."""
