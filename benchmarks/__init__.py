"""Repeatable measurements; ``python -m benchmarks`` prints ratios to a hand-written floor."""
