"""What we believe: the models of churn, of what to do and of what to show, and how good they are."""
