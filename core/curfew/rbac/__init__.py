"""Rules and subjects, read exactly as the API server reads them."""
