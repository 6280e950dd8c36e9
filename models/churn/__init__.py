"""Who is leaving: the curve of probabilities, LightGBM and a linear partner, corrected online by River."""
