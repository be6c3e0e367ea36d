"""The story, told with a real cluster: what is refused, what is lent, and how it ends."""
