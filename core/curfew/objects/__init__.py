"""What Curfew knows of Kubernetes objects: only the fields that it reads."""
