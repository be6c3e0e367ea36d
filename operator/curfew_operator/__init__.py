"""The kopf edge: grants what was asked for and allowed, and ends it on time."""
