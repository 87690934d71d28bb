"""Real HTTP servers for tests, on 127.0.0.1."""
