"""What may be written: one rule per file, all of them run, in a fixed order."""
