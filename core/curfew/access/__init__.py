"""What is lent, to whom, and until when."""
