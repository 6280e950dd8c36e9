"""What we answer: the API that takes events in and gives decisions out."""
