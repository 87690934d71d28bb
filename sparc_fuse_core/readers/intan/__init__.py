"""Intan RHD2000 and RHS2000."""
