"""Logs say what this project says: libraries repeat what stands in the files that they read."""

from __future__ import annotations

import logging
import os
import warnings

_OURS = ("sparc_fuse_core", "lambdas", "containers", "__main__")


def quiet_libraries() -> None:
    """Log nothing of other packages, in a process that converts and whose output is kept."""
    logging.getLogger().setLevel(logging.CRITICAL)
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.INFO)
    warnings.simplefilter("ignore")


def quiet_in_lambda() -> None:
    """Do so in AWS Lambda only: the handlers are also called in processes of others."""
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        quiet_libraries()
