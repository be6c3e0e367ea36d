"""The only code of Curfew that talks to a cluster."""
