"""`ScrapedDocument`: a model of SQLAlchemy's where it is installed, else plain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from windrow.records import Document

__all__ = ["HAS_SQLALCHEMY", "ScrapedDocument", "to_scraped"]

try:
    from windrow.gpt_researcher.orm import ScrapedDocument

    HAS_SQLALCHEMY = True
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "sqlalchemy":
        raise
    HAS_SQLALCHEMY = False

    @dataclass(slots=True)
    class ScrapedDocument:  # type: ignore[no-redef]
        """A stored page.

        `id` is None: only SQLAlchemy, which is not installed, asks for it.
        """

        id: int | None = None
        url: str | None = None
        title: str | None = None
        content: str | None = None
        embedding: list[float] | None = None
        created_at: datetime | None = None
        updated_at: datetime | None = None


def to_scraped(document: Document, number: int | None = None) -> ScrapedDocument:
    """Show a document of the store's as the original did."""
    vector = document.embedding
    return ScrapedDocument(
        id=number,
        url=document.url,
        title=document.title,
        content=document.content,
        embedding=None if vector is None else list(vector),
        created_at=document.created_at,
        updated_at=document.updated_at,
    )
