"""Events in, features out: the flow, its sources and sinks, and the online learner."""
