"""Blackrock and Ripple: continuous .nsx and events .nev."""
