"""What a row of the formats table states: `Format`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sparc_fuse_core.formats.companions import Rule

Kind = Literal["signal", "image", "shapes", "other"]

#: How a reader was checked: a real file; a file another program wrote; one written from the public
#: description of the format; or not at all.
Verified = Literal["real file", "other program", "synthetic", "unverified", ""]


@dataclass(frozen=True, slots=True)
class Signature:
    """First bytes that tell a *container*, which several formats may share.

    Attributes
    ----------
    container
        Its name: ``"hdf5"``.
    magic, offset
        The bytes, and where they stand.
    also
        (offset, bytes) that must be there too.
    before_all
        What stands in front of the bytes may be of any format, so they are looked at first.
    """

    container: str
    magic: bytes
    offset: int = 0
    also: tuple[int, bytes] = (0, b"")
    before_all: bool = False

    def is_in(self, head: bytes) -> bool:
        """Whether a file that begins with ``head`` has it."""
        at, rest = self.also
        return head.startswith(self.magic, self.offset) and head.startswith(rest, at)


@dataclass(frozen=True, slots=True)
class Format:
    """One format family: a row of `FORMATS`.

    Attributes
    ----------
    name
        Key of the row, used in schemes, plans and manifests.
    title
        Name as users know it.
    extensions
        Lower case, with the dot; the longest match wins (``".ome.tif"`` before ``".tif"``).
    endings
        Names that end so are of this format too, whatever their extension.
    signatures
        First bytes of its files, where they are known; of a container that several formats share in the row
        that it gives away.
    containers
        What its files are made of; a file of another container is not of this format. Empty where no first
        bytes can be relied on (text, raw samples).
    gives_away
        Containers whose files are of this format where the name is wrong or says nothing.
    loose
        Any content may have this name: it is believed unless an unmistakable container says otherwise.
    kind
        What its files usually hold; decides the output's suffix.
    reader
        Module in ``sparc_fuse_core.readers``, or a folder there whose front door is ``reader``; None if the
        format is known but not read.
    library, licence
        What reads it, for the formats table.
    extra
        Pip extra that brings the library; ``""`` if it comes with the package.
    companions
        Extensions of files that belong to the leading one and are never items of their own.
    claims
        Which files of the dataset belong to a leading one; those of the same stem if None, and only if it
        has ``companions``.
    borrows
        What a header names may be a whole file of another format, which then is an item of its own, too.
    claim_order
        Sets whose members may have an extension of another format claim them first: 1 before 2. 0: not so.
    parts
        Pattern of names of files that go on where another one ends: those never claim before that one.
    named_samples
        Extensions of files that a header of this format names, under any stem.
    options
        Keys that the reader accepts in a mapping scheme's ``[options]``.
    needs_scheme
        The file alone does not say what it holds: without a scheme it is unsupported.
    memory_factor
        Peak memory of a reader that must load the file whole, as a multiple of the file's size;
        0 for block-wise reading.
    may_crash
        Its library ends the process on some damaged files: it is read in a child.
    keeps
        What comes back, for the formats table.
    verified
        How the reader was checked.
    reason
        Why there is no reader.
    """

    name: str
    title: str
    extensions: tuple[str, ...]
    kind: Kind
    reader: str | None = None
    library: str = ""
    licence: str = ""
    extra: str = ""
    endings: tuple[str, ...] = ()
    signatures: tuple[Signature, ...] = ()
    containers: tuple[str, ...] = ()
    gives_away: tuple[str, ...] = ()
    loose: bool = False
    companions: tuple[str, ...] = ()
    claims: Rule | None = None
    borrows: bool = False
    claim_order: int = 0
    parts: str = ""
    named_samples: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    needs_scheme: bool = False
    memory_factor: float = 0.0
    may_crash: bool = False
    keeps: str = ""
    verified: Verified = ""
    reason: str = ""
