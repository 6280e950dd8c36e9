"""How good models would have been on the past, beside what the field would use instead."""
