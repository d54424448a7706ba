"""What goes wrong, as exceptions of one hierarchy.

Every exception that Windrow raises for a reason outside the program is an
`Error`.  It knows what the C library knows: the status by name, the database's
own code, and whether trying again may help.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from windrow import _core

if TYPE_CHECKING:
    from collections.abc import Mapping

    from windrow.records import Report

__all__ = [
    "BugError",
    "BusyError",
    "CanceledError",
    "ClosedError",
    "CorruptError",
    "DataError",
    "Error",
    "ExistsError",
    "ForkedError",
    "FullError",
    "InvalidError",
    "NoMemoryError",
    "NotFoundError",
    "NotPermittedError",
    "RecordsError",
    "RemoteError",
    "SchemaError",
    "SlowDownError",
    "TimedOutError",
    "UnavailableError",
    "UnsupportedError",
]


class Error(Exception):
    """Something failed; `str()` of it is one line that says what and why.

    `status` is the C library's (negative), `code` its name (`"WR_EIO"`),
    `native` an errno, HTTP status or SQLite code (0: none), `sqlstate`
    PostgreSQL's (`""`: none), `retry_after` seconds after which trying again
    may help (None: it will not), `where` the component.
    """

    default_status: ClassVar[int] = _core.EREMOTE
    #: What became of the records of a `save()` that failed as a whole.
    report: Report | None = None

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        native: int = 0,
        sqlstate: str = "",
        retry_after: float | None = None,
        where: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = self.default_status if status is None else status
        self.native = native
        self.sqlstate = sqlstate
        self.retry_after = retry_after
        self.where = where

    @property
    def code(self) -> str:
        """The status by name, such as `"WR_EIO"`."""
        return _core.status_name(self.status)

    def __reduce__(self) -> tuple[object, ...]:
        return (_again, (type(self), self.message, self.__dict__.copy()))


def _again(kind: type[Error], message: str, state: dict[str, object]) -> Error:
    error = Exception.__new__(kind, message)
    error.__dict__.update(state)
    return error


class InvalidError(Error, ValueError):
    """The call was wrong; the program needs mending."""

    default_status = _core.EINVAL


class NoMemoryError(Error, MemoryError):
    """Memory is out."""

    default_status = _core.ENOMEM


class FullError(Error):
    """Too much is in flight.  The stores' methods wait instead of raising it."""

    default_status = _core.EFULL


class TimedOutError(Error, TimeoutError):
    """It was not done within its time."""

    default_status = _core.ETIMEOUT


class CanceledError(Error):
    """The work was told to end early."""

    default_status = _core.ECANCELED


class ClosedError(Error):
    """The store is closed, or closing."""

    default_status = _core.ECLOSED


class ForkedError(Error):
    """The store was opened by the parent process; open it in the child."""

    default_status = _core.EFORKED


class UnavailableError(Error):
    """A store, a file or a provider cannot be reached, or a disk is full."""

    default_status = _core.EIO


class BusyError(Error):
    """A lock or another transaction is in the way."""

    default_status = _core.EBUSY


class SlowDownError(Error):
    """A provider asks for fewer requests."""

    default_status = _core.ELIMIT


class NotPermittedError(Error):
    """A password, or a right, is missing."""

    default_status = _core.EAUTH


class DataError(Error, ValueError):
    """This record is unacceptable; the others may not be."""

    default_status = _core.EDATA


class SchemaError(Error):
    """The store is of another dimension, model or version."""

    default_status = _core.ESCHEMA


class UnsupportedError(Error):
    """This store cannot do that."""

    default_status = _core.ENOTSUP


class CorruptError(Error):
    """What is stored is damaged."""

    default_status = _core.ECORRUPT


class RemoteError(Error):
    """The store or a provider answered with another error."""

    default_status = _core.EREMOTE


class BugError(Error):
    """Windrow broke a promise of its own; please report it."""

    default_status = _core.EBUG


class ExistsError(Error):
    """It is stored already."""

    default_status = _core.EEXIST


class NotFoundError(Error):
    """There is no such store, file or folder."""

    default_status = _core.ENOENT


class RecordsError(Error):
    """Some records of a `save()` failed; `errors` says which, and why."""

    default_status = _core.EDATA

    def __init__(self, message: str, errors: Mapping[int, Error]) -> None:
        super().__init__(message)
        #: The error of each record that failed, by its place.
        self.errors = dict(errors)


_KINDS: dict[int, type[Error]] = {
    kind.default_status: kind
    for kind in (
        InvalidError,
        NoMemoryError,
        FullError,
        TimedOutError,
        CanceledError,
        ClosedError,
        ForkedError,
        UnavailableError,
        BusyError,
        SlowDownError,
        NotPermittedError,
        DataError,
        SchemaError,
        UnsupportedError,
        CorruptError,
        RemoteError,
        BugError,
        ExistsError,
        NotFoundError,
    )
}


def from_details(details: tuple[int, int, int, str, str, str]) -> Error:
    """Make the exception for what the C library said."""
    status, native, retry_after_ms, sqlstate, where, message = details
    return _KINDS.get(status, Error)(
        message or _core.status_name(status),
        status=status,
        native=native,
        sqlstate=sqlstate,
        retry_after=retry_after_ms / 1000 if retry_after_ms else None,
        where=where,
    )


def from_core(error: _core.WindrowError) -> Error:
    """Make the exception for one that the extension raised."""
    return from_details(error.args)


def closed() -> ClosedError:
    """Make the exception for a store that was closed."""
    return ClosedError("the store is closed", where="python")
