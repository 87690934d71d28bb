"""How AWS is asked: clients with the project's retries, refusals as errors that say what to do."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

from sparc_fuse_core.errors import (
    CloudError,
    CloudRefusedError,
    CloudUnavailableError,
)
from sparc_fuse_core.storage import clients

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sparc_fuse_core.settings import Settings

#: States in which an execution still works, or is about to.
AT_WORK = ("RUNNING", "PENDING_REDRIVE")

_REFUSED = (
    "AccessDenied",
    "ExpiredToken",
    "InvalidClientToken",
    "InvalidSignature",
    "NotAuthorized",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClient",
)
_BUSY = (
    "ExecutionLimitExceeded",
    "InternalFailure",
    "InternalServerError",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "Throttl",
    "TooManyRequests",
)


def aws_client(service: str, settings: Settings, **options: Any) -> Any:
    """Return `sparc_fuse_core.storage.clients.aws_client`, whose refusals are this module's errors."""
    with asking(service):
        return clients.aws_client(service, settings, **options)


@contextlib.contextmanager
def asking(what: str) -> Iterator[None]:
    """Turn the refusals of AWS into errors that name ``what``.

    Raises
    ------
    CloudRefusedError
        Without credentials or permission.
    CloudUnavailableError
        If the service does not answer or asks for fewer requests.
    CloudError
        For any other refusal.
    """
    try:
        yield
    except ClientError as err:
        stated = err.response.get("Error", {})
        code, said = str(stated.get("Code", "")), str(stated.get("Message", ""))
        status = int(err.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        text = f"{what}: {err.operation_name} answers {code}: {said}"
        if code.startswith(_REFUSED) or status in (401, 403):
            message = f"{text}; check the credentials and what their role may do"
            raise CloudRefusedError(message) from err
        if code.startswith(_BUSY) or status == 429 or status >= 500:
            message = f"{text}; try again"
            raise CloudUnavailableError(message) from err
        raise CloudError(text) from err
    except (
        CredentialRetrievalError,
        NoCredentialsError,
        PartialCredentialsError,
        ProfileNotFound,
    ) as err:
        message = f"{what}: no AWS credentials are found ({err}); set AWS_PROFILE or log in"
        raise CloudRefusedError(message) from err
    except BotoCoreError as err:
        message = f"{what}: AWS cannot be reached ({err}); check the network and the region"
        raise CloudUnavailableError(message) from err
