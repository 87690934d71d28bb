"""What was written, compared with its source."""
