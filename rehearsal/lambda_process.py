"""One execution environment of a Lambda function: imports the handler, then answers invocations.

``python -m rehearsal.lambda_process lambdas.convert.handler`` reads one event a line from standard input
and writes one answer a line, as the Lambda runtime would post it. What the handler prints goes to standard
error.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import resource
import sys
import traceback
from typing import Any


def main(handler_name: str) -> None:
    """Answer events until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not be taken for an answer
    most = int(os.environ.get("REHEARSAL_FILE_BYTES", "0"))
    if most:  # Python ignores the signal: a write beyond is an OSError, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    module_name, _, function_name = handler_name.rpartition(".")
    handler = getattr(importlib.import_module(module_name), function_name)
    _say(answers, {"ready": True})
    for line in sys.stdin:
        _say(answers, _answer(handler, json.loads(line)))


def _answer(handler: Any, event: Any) -> dict[str, Any]:
    try:
        return {"result": handler(event, None)}
    except Exception as err:  # noqa: BLE001 - the runtime reports every exception by its class name
        stack = traceback.format_exc().splitlines()
        return {
            "error": {
                "errorType": type(err).__name__,
                "errorMessage": str(err),
                "stackTrace": stack[-20:],
            }
        }


def _say(answers: Any, values: dict[str, Any]) -> None:
    answers.write(json.dumps(values) + "\n")
    answers.flush()


if __name__ == "__main__":
    main(sys.argv[1])
