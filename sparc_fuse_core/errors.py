"""Every error this package raises on purpose.

The tree; each error is also the nearest builtin, so callers may catch either::

    SparcFuseError
    ├─ SourceError                              the dataset or its bytes
    │  ├─ SourceUnavailableError (ConnectionError)   try again
    │  │  └─ SourceThrottledError                    try again, more slowly
    │  ├─ SourceRefusedError (PermissionError)       403: never retried
    │  ├─ DatasetNotFoundError (LookupError)
    │  ├─ VersionNotFoundError (LookupError)
    │  ├─ VersionNotStoredError                      an old version that has to be rehydrated first
    │  ├─ DatasetUnpublishedError
    │  ├─ DatasetEmbargoedError (PermissionError)
    │  ├─ PennsieveKeyError (PermissionError)        the API key is missing, wrong, expired or not enough
    │  ├─ DatasetTypeError (ValueError)              not a research dataset
    │  ├─ EmptyDatasetError (ValueError)
    │  ├─ SourceFileNotFoundError (FileNotFoundError)
    │  └─ IntegrityError (ValueError)                wrong size or hash
    ├─ RequestError (ValueError)                the call itself is wrong
    ├─ CostLimitError (ValueError)              the estimate exceeds what the caller allows
    ├─ DatasetBusyError (RuntimeError)          another run works on this version; try again later
    ├─ DatasetWithdrawnError (PermissionError)  its results were taken away, and are not to be made again
    ├─ RunSupersededError (RuntimeError)        another run has taken over since this one was planned
    ├─ UnsafePathError (ValueError)             a name that would leave the output folder
    ├─ OutputClashError (ValueError)            two sources would share one output
    ├─ UnsupportedFormatError (ValueError)      known or unknown format without a reader
    │  ├─ UnsupportedFeatureError               the format is read, a feature that the message names is not
    │  ├─ BurnedInTextError                     a picture that says that text is in its pixels
    │  ├─ UncertainMappingError                 readable, but its meaning would be guessed
    │  ├─ NothingToConvertError                 whole and valid, and no data in it
    │  └─ PartOfSetError                        converted with the set's leading file
    ├─ MissingDependencyError (ImportError)     the extra to install is named
    ├─ CorruptFileError (ValueError)            the format is right, the file is not
    │  ├─ EmptyFileError                        nothing in it: no bytes, channels, samples or pixels
    │  ├─ FormatMismatchError                   the extension lies
    │  ├─ TruncatedFileError                    less than the header announces; may be salvaged
    │  ├─ DamagedPartError                      one file of a set cannot be read; its name is in `part`
    │  ├─ ReaderCrashedError                    the library that reads it crashed, twice
    │  └─ MissingCompanionError                 a file of the set is absent
    │     └─ OutsideFileError                   values lie in another file, which is not followed
    ├─ SizeLimitError (ValueError)              beyond a stated budget
    ├─ SchemeError (ValueError)                 a mapping scheme is wrong or does not fit
    ├─ VerificationError (ValueError)           what was written differs from the source
    ├─ WorkerLostError (RuntimeError)           the process that converted a file died
    ├─ CrashedError (RuntimeError)              a child process ended without an answer
    ├─ TimeLimitError (TimeoutError)            a file took longer than it may
    ├─ OutOfMemoryError (MemoryError)           the item needs a larger machine
    ├─ UnexpectedError (RuntimeError)           a fault of the converter itself
    ├─ ResultNotFoundError (FileNotFoundError)  nothing there is a result
    ├─ IncompleteResultError (OSError)          a result that is opened lacks objects
    ├─ UnknownLayoutError (ValueError)          a result of a newer version of this package
    ├─ CloudError (RuntimeError)                the deployed app, or AWS, does not do what is asked
    │  ├─ CloudRefusedError (PermissionError)        no credentials or no permission
    │  ├─ CloudUnavailableError (ConnectionError)    try again
    │  ├─ ExecutionNotFoundError (LookupError)
    │  └─ WatchError                                 datasets of the watch list that could not be started
    └─ PublishError (OSError)                   the result could not be stored
       ├─ OutputNotWritableError (PermissionError)
       └─ DiskFullError
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class SparcFuseError(Exception):
    """Root of all errors raised on purpose."""


class SourceError(SparcFuseError):
    """A dataset, its listing or its bytes cannot be had."""


class SourceUnavailableError(SourceError, ConnectionError):
    """The source does not answer now; the same call may succeed later."""


class SourceThrottledError(SourceUnavailableError):
    """The source asks for fewer requests; try again after a pause."""


class SourceRefusedError(SourceError, PermissionError):
    """The source answers that this is not allowed."""


class DatasetNotFoundError(SourceError, LookupError):
    """No dataset has this id, or no folder this name."""


class VersionNotFoundError(SourceError, LookupError):
    """The dataset exists, this version of it does not."""


class VersionNotStoredError(SourceError):
    """The version is known but its files are archived; it must be rehydrated first."""


class DatasetUnpublishedError(SourceError):
    """The dataset was withdrawn (HTTP 410)."""


class DatasetEmbargoedError(SourceError, PermissionError):
    """The dataset is under embargo; its files are not public."""


class PennsieveKeyError(SourceError, PermissionError):
    """The API key of Pennsieve is missing, wrong or expired, or its user may not see the dataset."""


class DatasetTypeError(SourceError, ValueError):
    """The dataset is a release or a collection: it holds no research files."""


class EmptyDatasetError(SourceError, ValueError):
    """The dataset, or the selection from it, holds no file."""


class SourceFileNotFoundError(SourceError, FileNotFoundError):
    """The dataset has no such file, or it vanished after it was planned."""


class IntegrityError(SourceError, ValueError):
    """The bytes received are not those that were announced (size or SHA-256)."""


class RequestError(SparcFuseError, ValueError):
    """A call, option or request has a value that cannot be used."""


class CostLimitError(SparcFuseError, ValueError):
    """The run would cost more than the request allows; nothing was started."""


class DatasetBusyError(SparcFuseError, RuntimeError):
    """Another run is converting this version of the dataset; try again when it has ended."""


class DatasetWithdrawnError(SparcFuseError, PermissionError):
    """The dataset's results were withdrawn from the app; it is not converted before that is lifted."""


class RunSupersededError(SparcFuseError, RuntimeError):
    """Another run has taken this version of the dataset over; what this one planned no longer holds."""


class UnsafePathError(SparcFuseError, ValueError):
    """A path from a dataset is absolute, climbs with ``..`` or cannot be a file name."""


class OutputClashError(SparcFuseError, ValueError):
    """Two source files would be written to one output."""


class UnsupportedFormatError(SparcFuseError, ValueError):
    """No reader takes this file; the message says why."""


class UncertainMappingError(UnsupportedFormatError):
    """The file can be read, but what it means scores below the threshold."""


class NothingToConvertError(UnsupportedFormatError):
    """The file is whole and valid, and holds no data that could be converted."""


class UnsupportedFeatureError(UnsupportedFormatError):
    """The format is read, this feature of the file is not; nothing is wrong with the file."""


class BurnedInTextError(UnsupportedFormatError):
    """The file says that text is burned into its pixels: it may name the patient."""


class PartOfSetError(UnsupportedFormatError):
    """The file is a part of a set that its leading file stands for.

    Attributes
    ----------
    leader
        Name of the leading file, relative to this file's folder.
    """

    def __init__(self, message: str, leader: str = "") -> None:
        super().__init__(message)
        self.leader = leader


class MissingDependencyError(SparcFuseError, ImportError):
    """The library for this format is not installed; the message names the extra."""


class CorruptFileError(SparcFuseError, ValueError):
    """The file cannot be decoded as the format it claims to be."""


class EmptyFileError(CorruptFileError):
    """The file holds nothing: no bytes, no channels, no samples or no pixels."""


class FormatMismatchError(CorruptFileError):
    """The content is not what the file's extension says."""


class DamagedPartError(CorruptFileError):
    """One file of a set cannot be read, so that the set is refused.

    Attributes
    ----------
    part
        Name of that file.
    """

    def __init__(self, message: str, part: str = "") -> None:
        super().__init__(message)
        self.part = part


class ReaderCrashedError(CorruptFileError):
    """The library that reads the file crashed at both tries."""


class TruncatedFileError(CorruptFileError):
    """A recording ends before what its header announces; ``--salvage`` converts what is there."""


class MissingCompanionError(CorruptFileError):
    """A file that belongs to the set is absent.

    Attributes
    ----------
    absent
        Names of the absent files, relative to the leading file's folder, where the file states them.
    """

    def __init__(self, message: str, absent: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.absent = tuple(absent)


class OutsideFileError(MissingCompanionError):
    """The file says that values lie in another file of the machine; that is never followed."""


class SizeLimitError(SparcFuseError, ValueError):
    """The decoded content is larger than a budget allows; the message names the setting."""


class SchemeError(SparcFuseError, ValueError):
    """A mapping scheme is malformed, ambiguous or names what the file lacks."""


class VerificationError(SparcFuseError, ValueError):
    """The store that was written differs from its source; it is not published."""


class WorkerLostError(SparcFuseError, RuntimeError):
    """The process converting this file ended without a result."""


class CrashedError(SparcFuseError, RuntimeError):
    """A child process ended without an answer.

    Attributes
    ----------
    code
        Its exit code; minus the number of the signal that ended it.
    """

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class TimeLimitError(SparcFuseError, TimeoutError):
    """A file took longer than it may: it is damaged, or the machine is too slow for it."""


class OutOfMemoryError(SparcFuseError, MemoryError):
    """The item needs more memory than this machine gave it."""


class UnexpectedError(SparcFuseError, RuntimeError):
    """An error nobody foresaw; a fault of this package, kept from stopping other files."""


class ResultNotFoundError(SparcFuseError, FileNotFoundError):
    """There is no result of this name: nothing at all, or something that has to be converted first."""


class IncompleteResultError(SparcFuseError, OSError):
    """A result lacks objects that were written, or has damaged ones: removed, copied or uploaded in part."""


class UnknownLayoutError(SparcFuseError, ValueError):
    """A result is laid out as a newer version of this package does; the message says what to do."""


class CloudError(SparcFuseError, RuntimeError):
    """The deployed app cannot be found, or AWS refuses what is asked."""


class CloudRefusedError(CloudError, PermissionError):
    """AWS answers that this is not allowed, or there are no credentials."""


class CloudUnavailableError(CloudError, ConnectionError):
    """AWS does not answer now; the same call may succeed later."""


class ExecutionNotFoundError(CloudError, LookupError):
    """The state machine has no such execution."""


class WatchError(CloudError):
    """Some datasets of the watch list could not be started; the others were."""


class PublishError(SparcFuseError, OSError):
    """A result could not be put where it belongs."""


class OutputNotWritableError(PublishError, PermissionError):
    """The output folder or bucket refuses writes."""


class DiskFullError(PublishError):
    """No space is left for scratch files or results."""
