"""Which formats there are, and how a file is recognised."""
