"""Zeiss CZI."""
