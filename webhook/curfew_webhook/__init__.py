"""The FastAPI edge: answers the API server's admission reviews."""
