"""What S3's refusals mean: one mapping to errors that name the object and say what to do."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
)

from sparc_fuse_core.errors import (
    DatasetNotFoundError,
    IntegrityError,
    SourceError,
    SourceFileNotFoundError,
    SourceRefusedError,
    SourceThrottledError,
    SourceUnavailableError,
    VersionNotStoredError,
)
from sparc_fuse_core.sources.http import TRANSIENT

if TYPE_CHECKING:
    from collections.abc import Iterator


_NO_CREDENTIALS = (CredentialRetrievalError, NoCredentialsError, PartialCredentialsError)
_BUSY = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded"})
_OTHER_REGION = frozenset(
    {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
)


@contextlib.contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn S3's refusals of a bucket of one's own into errors that name ``what``."""
    try:
        yield
    except ClientError as err:
        raise _own_error(what, err) from err
    except _NO_CREDENTIALS as err:
        message = f"{what}: no AWS credentials are found; set AWS_PROFILE or AWS_ACCESS_KEY_ID"
        raise SourceRefusedError(message) from err
    except BotoCoreError as err:
        message = f"{what}: S3 cannot be reached ({err}); check network and region"
        raise SourceUnavailableError(message) from err


def _own_error(what: str, err: ClientError) -> SourceError:
    status, code = status_and_code(err)
    text = f"{what}: S3 answers {status} {code}"
    if code == "NoSuchBucket":
        return DatasetNotFoundError(f"{text}: there is no such bucket")
    if code in _OTHER_REGION or status == 301:
        return SourceRefusedError(
            f"{text}: the bucket lies in another region; set SPARC_FUSE_OUTPUT_REGION to it"
        )
    return source_error(what, status, code)


def status_and_code(err: ClientError) -> tuple[int, str]:
    """Return the HTTP status and S3's own code of a refusal."""
    status = int(err.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return status, str(err.response.get("Error", {}).get("Code", ""))


def source_error(what: str, status: int, code: str) -> SourceError:
    """Return the error for an answer of S3 about one object, of a publisher's bucket or one's own."""
    text = f"{what}: S3 answers {status} {code}"
    if status == 412:
        return IntegrityError(f"{text}: it changed since the dataset was listed; start again")
    if status == 404:
        return SourceFileNotFoundError(f"{text}: it vanished since the dataset was listed")
    if status == 405:
        return VersionNotStoredError(
            f"{text}: this version is archived and must be rehydrated first"
        )
    if code == "InvalidObjectState":
        return SourceRefusedError(f"{text}: it is archived; restore it first")
    if status in (429, 503) or code in _BUSY:
        return SourceThrottledError(f"{text}: asks for fewer requests")
    if status in TRANSIENT or status == 0 or code in ("RequestTimeout", "RequestTimeTooSkewed"):
        return SourceUnavailableError(f"{text}; try again")
    if status in (401, 403) or code in ("ExpiredToken", "InvalidToken"):
        return SourceRefusedError(f"{text}: not allowed; check credentials and the role's policy")
    return SourceError(text)
