"""Leica LIF."""
