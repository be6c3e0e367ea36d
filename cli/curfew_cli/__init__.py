"""`curfew` and `kubectl curfew`."""
