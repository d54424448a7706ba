"""GPT Researcher: the drop-in for its old persistence, and its parts over a store.

    from windrow.gpt_researcher import save_scraped_data_optimized

    await save_scraped_data_optimized(records, db_url, embeddings)

`ScraperDataManager`, `ScraperRepository` and `ScrapedDocument` are as programs
know them; `install()` makes GPT Researcher's scraping read through a store,
`retriever()` searches one, `vector_store()` is for `GPTResearcher(vector_store=…)`.
"""

from __future__ import annotations

from windrow.gpt_researcher.documents import ScrapedDocument
from windrow.gpt_researcher.repository import (
    ScraperDataManager,
    ScraperRepository,
    save_scraped_data_optimized,
)
from windrow.gpt_researcher.research import (
    Installed,
    WindrowRetriever,
    install,
    retriever,
    uninstall,
    vector_store,
)
from windrow.gpt_researcher.shared import close_all

__all__ = [
    "Installed",
    "ScrapedDocument",
    "ScraperDataManager",
    "ScraperRepository",
    "WindrowRetriever",
    "close_all",
    "install",
    "retriever",
    "save_scraped_data_optimized",
    "uninstall",
    "vector_store",
]
