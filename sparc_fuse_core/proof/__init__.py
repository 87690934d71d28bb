"""A second opinion: another library reads the source, and what it sees is compared with the store."""
