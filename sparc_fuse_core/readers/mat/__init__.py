"""MATLAB v4 to v7.3: values, and what of them is a recording."""
