"""The moments to speak: rules, when they are judged, and what a back-test says of them."""
