"""What the verbs do, each as one function of settings and values: the rooms, put together."""
