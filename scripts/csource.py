"""What the checks know about C sources: where they are, and their plain code."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_TOKEN = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""",
    re.DOTALL | re.VERBOSE)


def sources(*folders, endings=(".c", ".h")):
    """Paths below the folders, relative to ROOT, that are or will be in git."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard",
         "--", *folders],
        check=True, capture_output=True, text=True).stdout.split("\n")
    return sorted({Path(p) for p in listed
                   if p.endswith(endings) and (ROOT / p).is_file()})


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def _blank(match, keep_strings):
    text = match.group()
    if keep_strings and text[0] == '"':
        return text
    return re.sub(r"[^\n]", " ", text)


def code_of(text, keep_strings=False):
    """The text with comments (and strings) blanked, its lines kept."""
    return _TOKEN.sub(lambda m: _blank(m, keep_strings), text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def finish(name, problems, looked_at):
    """Print the problems and what was looked at; the exit status."""
    for problem in problems:
        print(problem)
    print(f"{name}: {looked_at} looked at, {len(problems)} wrong")
    return 1 if problems or not looked_at else 0
