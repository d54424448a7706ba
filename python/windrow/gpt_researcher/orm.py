"""The table for programs that ask it with SQLAlchemy.

One model for what differs between the backends: PostgreSQL has times as
timestamps and vectors as `vector`, `halfvec` or an array, SQLite has times as
microseconds and vectors in a table of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
from array import array
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    func,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import (
    AsyncAttrs,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import NullPool
from sqlalchemy.types import TypeDecorator, UserDefinedType

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect
    from sqlalchemy.orm import Mapped
    from sqlalchemy.types import TypeEngine

__all__ = ["Base", "ScrapedDocument", "Sessions"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class _Time(TypeDecorator[datetime]):
    """A time with its zone; what has none is in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            value = value.replace(tzinfo=UTC)
        return (value - _EPOCH) // _MICROSECOND if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if isinstance(value, int):
            return _EPOCH + value * _MICROSECOND
        if isinstance(value, datetime) and value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        return value if isinstance(value, datetime) else None


class _Floats(UserDefinedType[list[float]]):
    """PostgreSQL's array, without SQLAlchemy's look at what comes: see below."""

    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **_: Any) -> str:
        return "double precision[]"


class _Vector(TypeDecorator[list[float]]):
    """A list of floats, however the backend has it: `vector` comes as text."""

    impl = _Floats
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(LargeBinary())
        return dialect.type_descriptor(_Floats())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        raise NotImplementedError(
            "over SQLite vectors are saved with save_records(), not by a session"
        )

    def process_result_value(self, value: Any, dialect: Dialect) -> list[float] | None:
        if value is None:
            return None
        if isinstance(value, bytes):
            return list(array("f", value))
        if isinstance(value, str):
            return [float(number) for number in json.loads(value)]
        return list(value)


class _VectorColumn(Column[list[float]]):
    """A column on PostgreSQL; on SQLite what `document_vectors` has for the row."""

    inherit_cache = True


@compiles(_VectorColumn, "sqlite")
def _column_elsewhere(
    element: _VectorColumn,
    compiler: Any,
    add_to_result_map: Any = None,
    include_table: bool = True,
    **more: Any,
) -> str:
    table = element.table
    if not include_table or table is None or "id" not in table.c:
        return str(
            compiler.visit_column(
                element,
                add_to_result_map=add_to_result_map,
                include_table=include_table,
                **more,
            )
        )
    if add_to_result_map is not None:
        names = (element, element.name, element.key)
        add_to_result_map(element.name, element.name, names, element.type)
    row = compiler.process(table.c.id)
    return f"(SELECT embedding FROM document_vectors WHERE id = {row})"


class Base(AsyncAttrs, DeclarativeBase):
    """What the model is registered with."""


def _now() -> datetime:
    return datetime.now(UTC)


class ScrapedDocument(Base):
    """A stored page: a row of `scraped_documents`."""

    __table__ = Table(
        "scraped_documents",
        Base.metadata,
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("url", String, unique=True, index=True),
        Column("title", String),
        Column("content", Text),
        _VectorColumn("embedding", _Vector()),
        Column("created_at", _Time(), server_default=func.now()),
        Column("updated_at", _Time(), server_default=func.now(), onupdate=_now),
    )

    if TYPE_CHECKING:
        id: Mapped[int]
        url: Mapped[str]
        title: Mapped[str | None]
        content: Mapped[str]
        embedding: Mapped[list[float] | None]
        created_at: Mapped[datetime]
        updated_at: Mapped[datetime]

        def __init__(self, **columns: Any) -> None: ...

    def __repr__(self) -> str:
        return f"<ScrapedDocument {self.id}: {self.url}>"


# ---------------------------------------------------------------- sessions --


def _is_installed(*modules: str) -> str | None:
    return next((name for name in modules if importlib.util.find_spec(name)), None)


def _place_of(db_url: str | os.PathLike[str]) -> tuple[URL, str | None, dict[str, Any]]:
    """Make SQLAlchemy's URL of Windrow's: the URL, a schema, what else to say."""
    if isinstance(db_url, os.PathLike):
        db_url = "sqlite:///" + os.fspath(db_url)
    url = make_url(db_url)
    kind = url.get_backend_name()
    arguments: dict[str, Any] = {}
    if kind == "sqlite":
        if not _is_installed("aiosqlite"):
            raise RuntimeError("sessions over SQLite need the package aiosqlite")
        return url.set(drivername="sqlite+aiosqlite", query={}), None, arguments
    if kind not in ("postgresql", "postgres"):
        raise RuntimeError(f"SQLAlchemy has no sessions over {kind}")
    query = dict(url.query)
    schema = query.pop("schema", None)
    table = query.pop("table", "scraped_documents")
    if table != "scraped_documents":
        raise RuntimeError(f"ScrapedDocument is not the table {table}")
    asked = url.drivername.partition("+")[2]
    order = ("psycopg", "asyncpg") if asked == "psycopg" else ("asyncpg", "psycopg")
    driver = _is_installed(*order)
    if driver is None:
        raise RuntimeError("sessions over PostgreSQL need the package asyncpg")
    if driver == "asyncpg":
        if "sslmode" in query:
            query["ssl"] = query.pop("sslmode")
        name = query.pop("application_name", "windrow")
        arguments["server_settings"] = {"application_name": name}
    url = url.set(drivername=f"postgresql+{driver}", query=query)
    return url, str(schema) if schema else None, arguments


class Sessions:
    """Sessions on the store's database, in whichever loop asks for one."""

    def __init__(
        self,
        db_url: str | os.PathLike[str],
        *,
        schema: str | None = None,
        table: str | None = None,
        pool_size: int = 20,
        max_overflow: int = 10,
        pool_recycle: int = 3600,
        echo: bool = False,
    ) -> None:
        if table not in (None, "scraped_documents"):
            raise RuntimeError(f"ScrapedDocument is not the table {table}")
        self._url, found, arguments = _place_of(db_url)
        self._schema = schema or found
        self._options: dict[str, Any] = {"echo": echo, "connect_args": arguments}
        if self._url.get_backend_name() == "sqlite":
            self._options["poolclass"] = NullPool
        else:
            self._options |= {
                "pool_size": pool_size,
                "max_overflow": max_overflow,
                "pool_recycle": pool_recycle,
                "pool_pre_ping": True,
            }
        self._engine: AsyncEngine | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def engine(self) -> AsyncEngine:
        """The engine of the running loop; connections do not outlive theirs."""
        loop = asyncio.get_running_loop()
        if self._engine is None or self._loop is not loop:
            if self._engine is not None:
                self._engine.sync_engine.dispose(close=False)
            engine = create_async_engine(self._url, **self._options)
            if self._schema is not None:
                engine = engine.execution_options(
                    schema_translate_map={None: self._schema}
                )
            self._engine, self._loop = engine, loop
        return self._engine

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """Lend a session, and commit what was done in it unless it raised."""
        make = async_sessionmaker(self.engine, expire_on_commit=False)
        async with make() as session:
            try:
                yield session
                await session.commit()
            except BaseException:
                await session.rollback()
                raise

    async def close(self) -> None:
        """Close the connections."""
        engine, self._engine = self._engine, None
        if engine is not None:
            if self._loop is asyncio.get_running_loop():
                await engine.dispose()
            else:
                engine.sync_engine.dispose(close=False)
