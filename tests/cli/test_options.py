"""Help, options and the ways of calling it wrongly."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    "ingest init known get search stats export prune delete embed index doctor "
    "migrate"
).split()
READING = {
    "known": [],
    "get": ["https://example.org/"],
    "search": ["word"],
    "stats": [],
    "export": [],
    "prune": ["--older-than", "1d"],
    "delete": ["https://example.org/"],
    "embed": ["--pending"],
    "index": [],
    "doctor": [],
    "migrate": [],
}


# What the manual describes once, for all of them.
COMMON = {"db", "schema", "table", "pool-size", "max-overflow", "json", "help"}


def options_in(text):
    return set(re.findall(r"^ +(?:-\w, |    )?--([a-z-]+)", text, re.M))


def manual_sections():
    """The options that windrow.1 describes, by command."""
    sections = {}
    name = None
    for line in (ROOT / "docs/man/windrow.1").read_text().splitlines():
        if line.startswith((".Ss", ".Sh")):
            found = re.match(r"\.Ss windrow (\w+)", line)
            name = found and found.group(1)
        elif name and line.startswith(".It Fl"):
            sections.setdefault(name, set()).update(
                re.findall(r"Fl -([a-z-]+)", line)
            )
        if name:
            sections.setdefault(name, set())
    return sections


def test_without_a_command_it_shows_the_way(windrow):
    done = windrow.run()
    assert done.returncode == 2
    assert "Usage: windrow" in done.stderr and done.stdout == ""


def test_help_names_every_command(windrow):
    for args in (["--help"], ["-h"], ["help"]):
        text = windrow(*args)
        assert set(COMMANDS) == set(re.findall(r"^  (\w+) +[A-Z]", text, re.M))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_the_manual_agrees(windrow, command):
    text = windrow(command, "--help")
    assert text.startswith(f"Usage: windrow {command} ")
    assert windrow("help", command) == text
    options = options_in(text)
    assert COMMON <= options
    assert options - COMMON == manual_sections()[command]


def test_no_line_of_help_is_wider_than_a_terminal(windrow):
    for command in COMMANDS:
        for line in windrow(command, "--help").splitlines():
            assert len(line) <= 80, line


def test_version(windrow):
    assert re.fullmatch(r"windrow \d+\.\d+\.\d+\n", windrow("--version"))


@pytest.mark.parametrize(
    "args, words",
    [
        (["serch", "x"], ["no command 'serch'", "did you mean 'search'?"]),
        (["frobnicate"], ["no command 'frobnicate'"]),
        (["--db", "x", "stats"], ["before the command"]),
        (["ingest", "--bach", "3", "-"], ["did you mean '--batch'?"]),
        (["ingest", "--frob", "-"], ["no option '--frob'"]),
        (["search", "-z", "x"], ["no option '-z'"]),
        (["search", "--limit"], ["--limit wants a value"]),
        (["search", "-k"], ["wants a value"]),
        (["search", "--limit", "0", "x"], ["from 1 to 10000"]),
        (["search", "--limit", "ten", "x"], ["from 1 to 10000", "'ten'"]),
        (["search", "--mode", "fuzzy", "x"], ["auto|text|vector|hybrid"]),
        (["search", "--meta", "x", "y"], ["key=value"]),
        (["search", "--since", "soon", "y"], ["a time"]),
        (["search"], ["usage"]),
        (["stats", "x"], ["'x' is too much"]),
        (["stats", "--json=1"], ["--json takes no value"]),
        (["ingest", "--max-content", "64Q", "-"], ["number of bytes"]),
        (["ingest"], ["usage"]),
        (["prune"], ["say which pages"]),
        (["prune", "--older-than", "30"], ["an age"]),
        (["prune", "--older-than", "0d"], ["an age"]),
        (["prune", "--older-than", "1d", "--before", "2024-01-01"], ["exclude"]),
        (["known", "--stored", "--all"], ["exclude"]),
        (["embed"], ["--pending"]),
        (["index", "--drop", "-m", "8"], ["not for --drop"]),
        (["index", "--text", "--ef-construction", "80"], ["of vectors"]),
        (["index", "-m", "1"], ["from 2 to 100"]),
        (["search", "--effort", "0", "x"], ["from 1 to 1000"]),
        (["stats", "--pool-size", "0"], ["from 1 to 10000"]),
        (["init", "--vector-type", "bits"], ["vector|halfvec|array"]),
        (["init", "--no-fulltext", "--fulltext", "on"], ["--no-fulltext"]),
        (["init", "--fulltext", "off", "--language", "german"], ["full text"]),
    ],
)
def test_a_wrong_call_is_explained_in_one_line(windrow, args, words):
    reason = windrow.fails(*args)
    for word in words:
        assert word in reason


@pytest.mark.parametrize("command", READING)
def test_without_a_store_the_reason_says_how_to_make_one(windrow, command):
    reason = windrow.fails(command, *READING[command])
    assert "init" in reason
    assert not windrow.path.exists()


@pytest.mark.parametrize("command", READING)
def test_with_json_the_reason_is_data_too(windrow, command):
    done = windrow.run(command, *READING[command], "--json")
    assert done.returncode == 2
    assert '"error":' in done.stdout and '"status":"WR_ENOENT"' in done.stdout


def test_a_path_for_a_store_url_gets_the_right_form(windrow):
    assert "sqlite:///pages.db" in windrow.fails("stats", "--db", "pages.db")
    assert "sqlite:////x/y.db" in windrow.fails("stats", "--db", "/x/y.db")
    assert "WINDROW_DB" in windrow.fails("stats", env={"WINDROW_DB": "pages.db"})
    assert "--db" in windrow.fails("stats", "--db", "")


def test_an_unknown_kind_of_store_is_an_error(windrow):
    assert "mysql" in windrow.fails("stats", "--db", "mysql://host/db")


def test_the_store_is_db_then_the_environment_then_this_folder(windrow):
    here = {"WINDROW_DB": ""}
    windrow("init", env=here)
    assert (windrow.folder / "windrow.db").exists()
    windrow("init")
    assert windrow.path.exists()
    windrow("init", "--db", "sqlite:///other.db")
    assert (windrow.folder / "other.db").exists()
    assert windrow.object("stats", env=here)["store"] == "sqlite:///windrow.db"


def test_output_that_cannot_be_written_is_an_error(windrow):
    windrow("init")
    with open("/dev/full", "w") as full:
        done = windrow.popen("stats", stdout=full, stderr=subprocess.PIPE)
        _, err = done.communicate(timeout=60)
    assert done.returncode == 2
    assert b"standard output" in err


def test_every_function_of_the_api_has_a_manual_page():
    header = (ROOT / "include/windrow.h").read_text()
    functions = set(re.findall(r"^WR_API[^;]*?\b(wr_\w+)\(", header, re.M))
    pages = [p.read_text() for p in (ROOT / "docs/man").glob("*.3")]
    named = {n for p in pages for n in re.findall(r"^\.Nm (wr_\w+)", p, re.M)}
    assert functions and functions == named


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")
def test_the_manual_pages_are_sound():
    pages = sorted((ROOT / "docs/man").glob("*.[13]"))
    done = subprocess.run(
        ["mandoc", "-Tlint", "-Wwarning", *pages], capture_output=True, text=True
    )
    assert done.stdout == ""
