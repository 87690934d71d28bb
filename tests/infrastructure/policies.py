"""What the roles of a template may do: a small evaluation of their policies.

References are written ``<LogicalId>`` and ``<LogicalId.Arn>``, so a resource is named as the template does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.infrastructure.conftest import Synthesized


def resolved(value: Any) -> Any:
    """Return ``value`` with references as text."""
    if isinstance(value, list):
        return [resolved(part) for part in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (name, of) = next(iter(value.items()))
        if name == "Ref":
            return f"<{of}>"
        if name == "Fn::GetAtt":
            return f"<{'.'.join(of)}>"
        if name == "Fn::Join":
            return str(of[0]).join(resolved(part) for part in of[1])
        if name == "Fn::Sub":
            return of
    return {key: resolved(part) for key, part in value.items()}


@dataclass(frozen=True)
class Statement:
    """One statement of a policy, everything a list."""

    role: str
    effect: str
    actions: list[str]
    resources: list[str]
    conditions: dict[str, dict[str, Any]]

    def allows(self, action: str, resource: str, context: Mapping[str, str]) -> bool:
        """Whether an action on a resource is allowed by this statement."""
        return (
            self.effect == "Allow"
            and any(_matches(pattern, action) for pattern in self.actions)
            and any(_matches(pattern, resource) for pattern in self.resources)
            and all(self._holds(test, wanted, context) for test, wanted in self.conditions.items())
        )

    def _holds(self, test: str, wanted: dict[str, Any], context: Mapping[str, str]) -> bool:
        for key, patterns in wanted.items():
            if key not in context:
                if test.endswith("IfExists"):
                    continue
                return False
            values = patterns if isinstance(patterns, list) else [patterns]
            kind = test.removesuffix("IfExists")
            assert kind in ("StringLike", "StringEquals", "ArnEquals", "ArnLike"), kind
            exact = not kind.endswith("Like")
            if not any(
                context[key] == value if exact else _matches(value, context[key])
                for value in values
            ):
                return False
        return True


def statements(stack: Synthesized) -> list[Statement]:
    """Return every statement of every role of a template."""
    found = []
    for policy in stack.resources("AWS::IAM::Policy").values():
        for role in policy["Roles"]:
            found += list(_statements(role["Ref"], policy["PolicyDocument"]))
    for role_id, role in stack.resources("AWS::IAM::Role").items():
        for policy in role.get("Policies", ()):
            found += list(_statements(role_id, policy["PolicyDocument"]))
    return found


def role_of(properties: dict[str, Any]) -> str:
    """Return the logical id of a function's role."""
    return str(properties["Role"]["Fn::GetAtt"][0])


def allows(stack: Synthesized, role: str, action: str, resource: str, **context: str) -> bool:
    """Whether a role may do an action on a resource; a context key's ``:`` is written ``__``."""
    keys = {key.replace("__", ":"): value for key, value in context.items()}
    return any(
        statement.allows(action, resource, keys)
        for statement in statements(stack)
        if statement.role == role
    )


def _statements(role: str, document: dict[str, Any]) -> Iterator[Statement]:
    for entry in document["Statement"]:
        assert not {"NotAction", "NotResource"} & set(entry), "says what is not meant"
        yield Statement(
            role,
            entry["Effect"],
            _listed(resolved(entry["Action"])),
            _listed(resolved(entry["Resource"])),
            resolved(entry.get("Condition", {})),
        )


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _matches(pattern: str, text: str) -> bool:
    """IAM's wildcards: ``*`` is any text, ``/`` included."""
    parts = (re.escape(part).replace(r"\?", ".") for part in pattern.split("*"))
    return re.fullmatch(".*".join(parts), text) is not None
