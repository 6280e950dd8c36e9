"""Reading purchase logs: anyone's table or events in, Segment events in time order out."""
