"""The reference of the public Python names, made from their docstrings: ``docs/api.md``."""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import TYPE_CHECKING, Any

import sparc_fuse_core
from sparc_fuse_core import errors, model
from sparc_fuse_core.settings import PREFIX, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """\
# Python reference

Made from the docstrings by `make format`; a test compares it. Units are in the names (`_hz`, `_s`,
`_bytes`), shapes are `(n_channels, n_samples)`.
"""

#: Longest line of a signature before each parameter has one of its own.
_SIGNATURE = 100


def reference() -> str:
    """Return the page: functions, what a file holds, settings, errors."""
    parts = [_HEAD, "## Functions", "`from sparc_fuse_core import …`"]
    for name in sorted(sparc_fuse_core.__all__):
        parts += _described(name, getattr(sparc_fuse_core, name))
    parts += [
        "## What a file holds",
        "What a reader gives and a writer takes: `from sparc_fuse_core.model import …`",
    ]
    for name in model.__all__:
        value = getattr(model, name)
        if inspect.isclass(value):
            parts += _described(name, value)
    parts += ["## Settings", _text(inspect.getdoc(Settings) or "", attributes=False), _settings()]
    tree = (errors.__doc__ or "").partition("::\n\n")[2]
    parts += [
        "## Errors",
        "Each is also the nearest builtin: `from sparc_fuse_core.errors import …`",
        f"```\n{inspect.cleandoc(tree)}\n```",
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _described(name: str, value: Any) -> Iterator[str]:
    yield f"### `{name}`"
    if inspect.isfunction(value):
        yield f"```python\n{_signature(name, value)}\n```"
    elif dataclasses.is_dataclass(value):
        yield f"```python\n{_fields(name, value)}\n```"
    yield _text(inspect.getdoc(value) or "")


def _signature(name: str, function: Any) -> str:
    signature = inspect.signature(function)
    shown, keyword_only = [], False
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            shown.append("*")
            keyword_only = True
        text = f"{parameter.name}: {parameter.annotation}"
        if parameter.default is not parameter.empty:
            text += f" = {parameter.default!r}"
        shown.append(text)
    return _call(name, shown, f" -> {signature.return_annotation}")


def _fields(name: str, value: Any) -> str:
    shown = []
    for field in dataclasses.fields(value):
        text = f"{field.name}: {field.type}"
        if field.default is not dataclasses.MISSING:
            text += f" = {field.default!r}"
        elif field.default_factory is not dataclasses.MISSING:
            text += f" = {field.default_factory()!r}"
        shown.append(text)
    return _call(name, shown, "")


def _call(name: str, shown: list[str], result: str) -> str:
    line = f"{name}({', '.join(shown)}){result}"
    if len(line) <= _SIGNATURE:
        return line
    rows = "".join(f"    {text},\n" for text in shown)
    return f"{name}(\n{rows}){result}"


def _text(docstring: str, *, attributes: bool = True) -> str:
    """Return a NumPy docstring as Markdown; without its attributes where they are told otherwise."""
    blocks = re.split(r"\n\n(?=[A-Z][a-z]+\n-{3,}\n)", docstring)
    parts = [blocks[0]]
    for block in blocks[1:]:
        title, _, body = block.split("\n", 2)
        if title == "Attributes" and not attributes:
            continue
        entries = _entries(body)
        parts.append(f"**{title}**")
        parts.append("\n".join(entries) if entries else body)
    return re.sub(r"``([^`]+)``", r"`\1`", "\n\n".join(parts))


def _entries(body: str) -> list[str]:
    """Return the entries of a section (names, with what is said of them indented) as a list."""
    entries: list[str] = []
    for line in body.splitlines():
        if line and not line.startswith(" "):
            entries.append(f"- `{line}`:")
        elif entries and line.strip():
            entries[-1] += f" {line.strip()}"
    has_text = "\n    " in f"\n{body}"
    return [entry.removesuffix(":") for entry in entries] if has_text else []


def _settings() -> str:
    said: dict[str, str] = {}
    for entry in _entries(
        (inspect.getdoc(Settings) or "").partition("Attributes\n----------\n")[2]
    ):
        names, _, text = entry.removeprefix("- `").partition("`: ")
        said.update(dict.fromkeys(names.split(", "), text))
    rows = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for field in dataclasses.fields(Settings):
        default = field.default if field.default != "" else "none"
        text = re.sub(r"``([^`]*)``", r"`\1`", said.get(field.name, "")).replace('`""`', "nothing")
        rows.append(f"| `{PREFIX}{field.name.upper()}` | {default} | {text} |")
    return "\n".join(rows)
