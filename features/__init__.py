"""What we know: signals, their catalog, the state and profile of a customer, and where both are kept."""
