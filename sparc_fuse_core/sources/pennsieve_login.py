"""The API key of Pennsieve: where it is read from, and the token that it is exchanged for.

A key is a pair of identifier and secret. It is sent to the sign-in service alone (Amazon Cognito, by the pool
that Pennsieve names for keys); the API is given the token that comes back, which ends by itself. Neither is
logged, stored, or part of a message.
"""

from __future__ import annotations

import json
import re
import threading
import time
from typing import TYPE_CHECKING, Any

import requests

from sparc_fuse_core.errors import (
    PennsieveKeyError,
    SourceError,
    SourceThrottledError,
    SourceUnavailableError,
)
from sparc_fuse_core.sources.http import ask

if TYPE_CHECKING:
    from sparc_fuse_core.settings import Settings

#: A token is asked for anew so long before it ends.
_MARGIN_S = 120.0
_USUAL_S = 3600.0

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_ARN = re.compile(r"arn:[a-z-]+:secretsmanager:([a-z0-9-]+):\d{12}:secret:\S+")

#: Tokens by API and identifier of the key, with the time at which they end.
_tokens: dict[tuple[str, str], tuple[str, float]] = {}
_lock = threading.Lock()


def token(settings: Settings, *, renew: bool = False) -> str:
    """Return a token for the API; one that still holds is used again unless ``renew``.

    Raises
    ------
    PennsieveKeyError
        If there is no key, or it is wrong or has expired.
    SourceUnavailableError
        If the sign-in service does not answer.
    """
    with _lock:
        key, secret = _key(settings)
        place = (settings.pennsieve_url, key)
        known, ends_s = _tokens.get(place, ("", 0.0))
        if known and not renew and time.monotonic() < ends_s:
            return known
        found, seconds = _sign_in(key, secret, settings)
        _tokens[place] = (found, time.monotonic() + max(0.0, seconds - _MARGIN_S))
        return found


def _key(settings: Settings) -> tuple[str, str]:
    if settings.pennsieve_api_key and settings.pennsieve_api_secret:
        return settings.pennsieve_api_key, settings.pennsieve_api_secret
    if settings.pennsieve_secret_arn:
        return _from_secrets_manager(settings)
    message = (
        "datasets of one's own on Pennsieve need an API key: set SPARC_FUSE_PENNSIEVE_API_KEY and "
        "SPARC_FUSE_PENNSIEVE_API_SECRET, or in the cloud deploy with sparc-fuse:pennsieve_secret_arn"
    )
    raise PennsieveKeyError(message)


def _from_secrets_manager(settings: Settings) -> tuple[str, str]:
    # an unused boto3 takes half a second of every start
    from botocore.exceptions import BotoCoreError, ClientError

    from sparc_fuse_core.storage.clients import aws_client

    arn = settings.pennsieve_secret_arn
    parts = _ARN.fullmatch(arn)
    if parts is None:
        message = (
            f"SPARC_FUSE_PENNSIEVE_SECRET_ARN={arn!r}: not the ARN of a secret of Secrets Manager"
        )
        raise PennsieveKeyError(message)
    try:
        client = aws_client("secretsmanager", settings, region=parts[1])
        answer = client.get_secret_value(SecretId=arn)
    except ClientError as err:
        code = err.response.get("Error", {}).get("Code", "")
        message = f"{arn}: the secret with Pennsieve's API key cannot be read ({code})"
        raise PennsieveKeyError(message) from err
    except BotoCoreError as err:
        message = f"{arn}: Secrets Manager cannot be reached ({type(err).__name__}); try again"
        raise SourceUnavailableError(message) from err
    try:
        values = json.loads(answer["SecretString"])
        key, secret = str(values["api_key"]), str(values["api_secret"])
    except (ValueError, KeyError, TypeError):
        # without the cause, whose text may hold what the secret is
        message = f'{arn}: the secret has to be {{"api_key": "…", "api_secret": "…"}}'
        raise PennsieveKeyError(message) from None
    if not key or not secret:
        message = f"{arn}: api_key or api_secret of the secret is empty"
        raise PennsieveKeyError(message)
    return key, secret


def _sign_in(key: str, secret: str, settings: Settings) -> tuple[str, float]:
    """Exchange a key for a token; return it and the seconds that it holds."""
    with requests.Session() as session:
        return _signed_in(session, key, secret, settings)


def _signed_in(
    session: requests.Session, key: str, secret: str, settings: Settings
) -> tuple[str, float]:
    base = settings.pennsieve_url.rstrip("/")
    answer = ask(session, "GET", f"{base}/authentication/cognito-config", settings)
    try:
        stated = answer.json()
        region, client_id = str(stated["region"]), str(stated["tokenPool"]["appClientId"])
    except (ValueError, KeyError, TypeError):
        message = f"{base}/authentication/cognito-config: does not say where keys are exchanged"
        raise SourceError(message) from None
    if not _REGION.fullmatch(region):
        message = f"{base}/authentication/cognito-config: {region[:40]!a} is no region"
        raise SourceError(message)
    place = settings.pennsieve_login_url or f"https://cognito-idp.{region}.amazonaws.com"
    answer = ask(
        session,
        "POST",
        f"{place.rstrip('/')}/",
        settings,
        headers={
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth",
        },
        data=json.dumps(
            {
                "AuthFlow": "USER_PASSWORD_AUTH",
                "ClientId": client_id,
                "AuthParameters": {"USERNAME": key, "PASSWORD": secret},
            }
        ),
    )
    if answer.status_code != 200:
        fault = _fault(answer)
        if fault == "TooManyRequestsException":
            message = "Pennsieve's sign-in service asks for fewer requests; try again"
            raise SourceThrottledError(message)
        message = (
            f"the API key for Pennsieve is wrong, was deleted or has expired ({fault}); make a new one "
            "there (My profile, API keys), and put it where the old one was"
        )
        raise PennsieveKeyError(message)
    try:
        result = answer.json()["AuthenticationResult"]
        found, seconds = str(result["AccessToken"]), float(result.get("ExpiresIn", _USUAL_S))
    except (ValueError, KeyError, TypeError):
        message = "the API key for Pennsieve gives no token; make a new one there"
        raise PennsieveKeyError(message) from None
    return found, seconds


def _fault(answer: requests.Response) -> str:
    """Return the class of a refusal, which names no key."""
    try:
        stated: Any = answer.json().get("__type", "")
    except (ValueError, AttributeError):
        stated = ""
    name = str(stated).rpartition("#")[2]
    return name if re.fullmatch(r"[A-Za-z]{1,60}", name) else f"status {answer.status_code}"
