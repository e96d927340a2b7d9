"""Simulated platforms on loopback, so that developing and testing need no account with any vendor."""
