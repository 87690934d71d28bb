"""In front of the embedded AWS: what each role may do with the bucket, and what the account's quotas are.

moto does not check permissions. A role is told by its access key; what it may not do is answered with 403,
so that a rehearsal shows a permission that is missing. Nor does moto know the quotas of Lambda and Fargate.
"""

from __future__ import annotations

import io
import json
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

#: Role -> action -> patterns of keys. What is not listed is refused; other users may do anything.
GRANTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "plan": {
        "Get": ("datasets/*", "uploads/*"),
        "List": ("datasets/*", "uploads/*"),
        "Put": ("datasets/*",),
        "Delete": ("datasets/*",),
    },
    "convert": {
        "Get": ("datasets/*", "uploads/*"),
        "List": ("datasets/*",),
        "Put": ("datasets/*",),
    },
    "consolidate": {
        "Get": ("datasets/*",),
        "List": ("datasets/*",),
        "Put": ("datasets/*",),
        "Delete": ("datasets/*",),
    },
    "manifest": {
        "Get": ("datasets/*",),
        "Put": ("datasets/*",),
        "Delete": ("datasets/*/.sparc-fuse/running.json",),
    },
}

_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/[^/]+/s3/")
_DELETED_KEY = re.compile(rb"<Key>(.*?)</Key>", re.DOTALL)


class Gate:
    """A WSGI application that lets through what `GRANTS` allows.

    Attributes
    ----------
    refused
        ``(role, action, pattern)`` that are refused beyond that; for tests.
    watch
        Told (role, action, key) of each request before it is answered; for tests.
    functions, spot_vcpus
        Quotas that are told to who asks; None: nobody may ask.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], bucket: str) -> None:
        self._app = app
        self._bucket = bucket
        self.refused: list[tuple[str, str, str]] = []
        self.watch: Callable[[str, str, str], None] | None = None
        self.functions: int | None = 1000
        self.spot_vcpus: float | None = 1000.0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"].startswith("/2016-08-19/account-settings"):
            limit = {"ConcurrentExecutions": self.functions}
            answer = {"AccountLimit": limit | {"UnreservedConcurrentExecutions": self.functions}}
            return _tell(start_response, self.functions, answer)
        if environ.get("HTTP_X_AMZ_TARGET", "").endswith(".GetServiceQuota"):
            return _tell(start_response, self.spot_vcpus, {"Quota": {"Value": self.spot_vcpus}})
        found = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        role = found[1] if found else ""
        if role in GRANTS:
            for action, bucket, key in _actions(environ):
                if self.watch is not None:
                    self.watch(role, action, key)
                if not self._may(role, action, bucket, key):
                    return _refuse(start_response, role, action, key)
        return self._app(environ, start_response)

    def _may(self, role: str, action: str, bucket: str, key: str) -> bool:
        if any(
            (role, action) == (r, a) and fnmatchcase(key, pattern) for r, a, pattern in self.refused
        ):
            return False
        if bucket != self._bucket:
            return action == "Get"
        return any(fnmatchcase(key, pattern) for pattern in GRANTS[role].get(action, ()))


def _actions(environ: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return (action, bucket, key) of a request to S3; of a list the prefix."""
    method = environ["REQUEST_METHOD"]
    path = unquote(environ.get("RAW_URI") or environ["PATH_INFO"]).partition("?")[0]
    bucket, _, key = path.lstrip("/").partition("/")
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    if not key and method == "GET":
        return [("List", bucket, query.get("prefix", [""])[0])]
    if "delete" in query and method == "POST":
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        return [("Delete", bucket, name.decode()) for name in _DELETED_KEY.findall(body)]
    if method == "DELETE":
        return [("Put" if "uploadId" in query else "Delete", bucket, key)]
    return [("Get" if method in ("GET", "HEAD") else "Put", bucket, key)]


def _tell(start_response: Any, quota: float | None, answer: Mapping[str, Any]) -> list[bytes]:
    if quota is None:
        answer = {"__type": "AccessDeniedException", "Message": "may not ask for quotas"}
    status = "200 OK" if quota is not None else "403 Forbidden"
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]


def _refuse(start_response: Any, role: str, action: str, key: str) -> list[bytes]:
    start_response("403 Forbidden", [("Content-Type", "application/xml")])
    text = (
        f"<Error><Code>AccessDenied</Code><Message>{role} may not {action} {key}</Message></Error>"
    )
    return [text.encode()]
