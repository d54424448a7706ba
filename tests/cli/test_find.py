"""Search, known, get, delete."""

import json
import os
import pty
import re

import pytest

from conftest import TIMEOUT, page

PAGES = [
    page(
        "vacuum",
        "VACUUM reclaims storage occupied by dead tuples of a table.",
        title="Vacuum",
        metadata={"lang": "en", "depth": 2},
        fetched_at="2024-05-01T00:00:00Z",
    ),
    page(
        "index",
        "CREATE INDEX constructs an index on the specified column of a table.",
        title="Create index",
        metadata={"lang": "en", "depth": 1},
        fetched_at="2024-06-01T00:00:00Z",
    ),
    {
        "url": "https://other.example/staub",
        "title": "Staubsauger",
        "raw_content": "Ein Staubsauger saugt den Staub vom Boden.",
        "metadata": {"lang": "de"},
        "fetched_at": "2024-07-01T00:00:00Z",
    },
]
VACUUM, INDEX, STAUB = (p["url"] for p in PAGES)


@pytest.fixture
def pages(windrow):
    windrow.ingest(PAGES)
    return windrow


# A key that would lead to the page beside it, if it were a URL.
PAGE_OF_KEY = "https://example.org/a"
KEY = PAGE_OF_KEY + "#1"


@pytest.fixture
def keyed(windrow):
    windrow.ingest(
        [
            {"url": PAGE_OF_KEY, "raw_content": "The page."},
            {"key": KEY, "raw_content": "A part."},
        ]
    )
    return windrow


def found(windrow, *args):
    return [hit["url"] for hit in windrow.objects("search", *args)]


@pytest.mark.parametrize("mode", ["auto", "text", "vector", "hybrid"])
def test_every_mode_finds_the_page(pages, mode):
    assert found(pages, "--mode", mode, "dead tuples storage")[0] == VACUUM


def test_hits_have_their_members(pages):
    hit = pages.objects("search", "dead", "tuples")[0]
    assert list(hit) == [
        "rank",
        "score",
        "url",
        "title",
        "snippet",
        "fetched_at",
        "metadata",
        "rank_text",
        "rank_vector",
    ]
    assert hit["rank"] == 1 and hit["title"] == "Vacuum"
    assert "dead tuples" in hit["snippet"]
    assert hit["metadata"] == {"lang": "en", "depth": 2}
    assert hit["fetched_at"] == "2024-05-01T00:00:00Z"


def test_a_phrase_and_a_negated_word(pages):
    assert found(pages, "-m", "text", '"dead tuples"') == [VACUUM]
    assert found(pages, "-m", "text", '"tuples dead"') == []
    assert found(pages, "-m", "text", "--", "table", "-dead") == [INDEX]


@pytest.mark.parametrize(
    "args, urls",
    [
        (["--host", "other.example"], {STAUB}),
        (["--url-prefix", "https://example.org/v"], {VACUUM}),
        (["--since", "2024-06-01"], {INDEX, STAUB}),
        (["--until", "2024-06-01"], {VACUUM}),
        (["--since", "2024-05-02T00:00:00Z", "--until", "1718000000"], {INDEX}),
        (["--since", "1d"], set()),
        (["--meta", "lang=en"], {VACUUM, INDEX}),
        (["--meta", "lang=en", "--meta", "depth=2"], {VACUUM}),
        (["--meta", 'depth="2"'], set()),
    ],
)
def test_filters(pages, args, urls):
    query = "vacuum index table staub staubsauger"
    assert set(found(pages, *args, query)) == urls


def test_limit(pages):
    assert len(found(pages, "-k", "1", "table")) == 1


@pytest.mark.parametrize(
    "query",
    ['"', "foo-bar", "c++", "url:a", "a AND", "(", "*", "NEAR(a b)", "-", "'; --"]
    + ["^", "é", "\x01", "x" * 5000, "a " * 5000, '"a" ' * 200],
    ids=lambda query: repr(query[:10]),
)
def test_no_query_is_a_syntax_error(pages, query):
    for mode in ("auto", "text"):
        pages("search", "--mode", mode, "--", query)


def test_a_query_without_words_cannot_be_embedded(pages):
    for mode in ("vector", "hybrid"):
        assert "nothing in the query" in pages.fails("search", "-m", mode, "--", "(")


def test_that_nothing_is_found_is_said_and_no_failure(pages):
    done = pages.run("search", "--mode", "text", "zyxwvut")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "no page matches\n"


def test_hits_are_readable(pages):
    text = pages("search", "--mode", "text", "dead tuples")
    first, second, *rest = text.splitlines()
    assert re.match(r" 1\. Vacuum  \d", first)
    assert second == "    " + VACUUM
    assert "dead tuples" in text
    assert "\033" not in text and "\x01" not in text and "\x02" not in text


def on_terminal(windrow, *args, **env):
    ours, theirs = pty.openpty()
    process = windrow.popen(
        *args, stdout=theirs, env=windrow.env | {"TERM": "xterm"} | env
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            some = os.read(ours, 65536)
        except OSError:
            break
        if not some:
            break
        shown += some
    os.close(ours)
    assert process.wait(TIMEOUT) == 0
    return shown.decode()


def test_on_a_terminal_matches_are_coloured_and_lines_wrapped(pages):
    shown = on_terminal(pages, "search", "dead tuples", COLUMNS="40")
    assert re.search(r"\033\[1;33m(dead|tuples)\033\[0m", shown)
    for line in re.sub(r"\033\[[\d;]*m", "", shown).splitlines()[2:]:
        assert len(line) <= 40 or "http" in line
    assert "\033" not in on_terminal(pages, "search", "dead tuples", NO_COLOR="1")


def test_a_page_cannot_steer_the_terminal(windrow):
    windrow.ingest(
        [page(1, "evil \033[2J \x9b2J \x07 word", title="evil \033]0;owned\x07 title")]
    )
    for args in (["search", "evil"], ["get", page(1)["url"]]):
        shown = on_terminal(windrow, *args, NO_COLOR="1")
        assert "evil" in shown
        assert not re.search(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f]", shown)


# ------------------------------------------------------------------- known --


def test_known_prints_the_unknown_in_order_and_as_given(pages):
    text = f"https://b.org/\n{VACUUM}\n\nhttps://a.org/\r\n{VACUUM}#x\nhttps://b.org/\n"
    assert pages("known", input=text).splitlines() == [
        "https://b.org/",
        "https://a.org/",
        "https://b.org/",
    ]
    assert pages("known", "--stored", input=text).splitlines() == [
        VACUUM,
        VACUUM + "#x",
    ]


def test_known_as_json(pages):
    text = f"https://b.org/\n{VACUUM}\n"
    new = {"url": "https://b.org/", "stored": False, "fetched_at": None}
    old = {"url": VACUUM, "stored": True, "fetched_at": "2024-05-01T00:00:00Z"}
    assert pages.objects("known", input=text) == [new]
    assert pages.objects("known", "--stored", input=text) == [old]
    assert pages.objects("known", "--all", input=text) == [new, old]


def test_what_is_too_old_is_not_known(pages):
    pages.ingest([page("new")])
    text = f"{VACUUM}\n{page('new')['url']}\n"
    assert pages("known", "--max-age", "7d", input=text).splitlines() == [VACUUM]
    assert pages("known", "--max-age", "100y", input=text) == ""


def test_what_is_no_url_is_not_known(pages):
    bad = ["no url", "https://e.org/" + "x" * 5000, "http://[", "é"]
    text = "\n".join([VACUUM, *bad])
    assert pages("known", input=text).splitlines() == bad


def test_known_reads_files(pages):
    (pages.folder / "a").write_text("https://a.org/")
    (pages.folder / "b").write_text(f"{INDEX}\nhttps://b.org/\n")
    out = pages("known", "a", "-", "b", input="https://c.org/\n")
    assert out.split() == ["https://a.org/", "https://c.org/", "https://b.org/"]
    assert "nowhere" in pages.fails("known", "nowhere")


def test_known_keeps_the_order_of_very_many(pages):
    urls = [f"https://example.org/many/{i}" for i in range(250_001)]
    urls[99_999] = urls[100_000] = VACUUM
    urls[200_001] = INDEX
    out = pages("known", input="\n".join(urls)).splitlines()
    assert out == [u for u in urls if u not in (VACUUM, INDEX)]


def test_keys_of_ones_own_are_known_as_they_are(keyed):
    text = f"{KEY}\n{PAGE_OF_KEY}\n{PAGE_OF_KEY}#2\n"
    assert keyed("known", "--keys", input=text).split() == [PAGE_OF_KEY + "#2"]
    assert keyed("known", input=text) == ""
    keyed("delete", "--keys", PAGE_OF_KEY)
    assert keyed("known", "--keys", "--stored", input=text).split() == [KEY]
    assert keyed("known", input=text).split() == text.split()


# --------------------------------------------------------------------- get --


def test_get_shows_pages_and_names_what_is_missing(pages):
    done = pages.run("get", VACUUM, "https://nowhere.org/", STAUB)
    assert done.returncode == 1
    assert "not stored: https://nowhere.org/" in done.stderr
    assert "Vacuum" in done.stdout and "dead tuples" in done.stdout
    assert "2024-05-01 00:00:00" in done.stdout
    assert done.stdout.index("Vacuum") < done.stdout.index("Staubsauger")


def test_get_as_json_and_from_standard_input(pages):
    got = pages.objects("get", "-", STAUB, input=f"{INDEX}\n")
    assert [d["url"] for d in got] == [INDEX, STAUB]
    assert got[0]["raw_content"] == PAGES[1]["raw_content"]
    assert got[0]["metadata"] == PAGES[1]["metadata"]
    assert "embedding" not in got[0]
    (got,) = pages.objects("get", "--vectors", INDEX)
    assert len(got["embedding"]) == 384


def test_get_finds_by_canonical_url(pages):
    assert "Vacuum" in pages("get", "HTTPS://EXAMPLE.org:443/./vacuum#top")


def test_get_finds_keys_of_ones_own(keyed):
    (got,) = keyed.objects("get", "--keys", KEY)
    assert (got["url"], got["raw_content"]) == (KEY, "A part.")
    (got,) = keyed.objects("get", KEY)
    assert (got["url"], got["raw_content"]) == (PAGE_OF_KEY, "The page.")
    done = keyed.run("get", "--keys", "-", input=KEY + "0\n")
    assert done.returncode == 1 and f"not stored: {KEY}0" in done.stderr


# ------------------------------------------------------------------ delete --


def test_delete(pages):
    assert pages("delete", VACUUM) == "deleted 1 page\n"
    done = pages.run("delete", "--json", VACUUM, INDEX)
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"deleted": 1, "missing": 1, "failed": 0}
    assert f"not stored: {VACUUM}" in done.stderr
    assert set(pages.stored()) == {STAUB}
    assert found(pages, "--mode", "text", "table") == []


def test_delete_takes_keys_of_ones_own(keyed):
    assert keyed("delete", "--keys", KEY) == "deleted 1 page\n"
    assert set(keyed.stored()) == {PAGE_OF_KEY}
    done = keyed.run("delete", "--keys", "--json", KEY)
    assert json.loads(done.stdout) == {"deleted": 0, "missing": 1, "failed": 0}
