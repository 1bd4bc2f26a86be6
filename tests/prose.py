"""Check the prose of the project: `python -m tests.prose [path ...]` prints each finding and fails if there is one.

Prose is docstrings, comments, texts of the user interface (the English catalogue) and documents. It prints the share of
docstrings that begin with a word that makes a reader decode a clause, which has a limit of its own.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[1]
CLAUSE_OPENINGS = ("What", "Whom", "Who", "Whose", "Why", "Of", "Those")
CLAUSE_SHARE_LIMIT = 0.03
BANNED = re.compile(
    r"\b(whom|whoever|anew|nobody|meanwhile|twice is once|(?:is|are|be|being|was|were) told|(?:is|are|be|was|were) owed"
    r"|hears? of)\b",
    re.IGNORECASE,
)
RULE_CODE = re.compile(r"\b[A-Z][0-9]{1,2}\b")
RULE_CODE_IN_TEST_NAME = re.compile(r"^test_(?:[a-z][0-9]{1,2}|.*_[fljsmctd][0-9]{1,2})(?:_|$)")
# Terms of the trade that look like the code of a rule.
NOT_RULE_CODES = {"A4", "P1", "P2", "H1", "H2"}
# Documents that quote the words, or that list the rules.
QUOTING = {"docs/rules.md", "docs/faults.md"}
CODE_SUFFIXES = {".py", ".sql", ".js", ".css", ".html"}
COMMENTS = {
    ".sql": re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL),
    ".js": re.compile(r"(?:^|\s)//[^\n]*|/\*.*?\*/", re.DOTALL),
    ".css": re.compile(r"/\*.*?\*/", re.DOTALL),
    ".html": re.compile(r"\{#.*?#\}|\{% comment %\}.*?\{% endcomment %\}|<!--.*?-->", re.DOTALL),
}


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


def tracked_files(paths: list[str]) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z", "--", *paths], cwd=ROOT, check=True, capture_output=True
    )
    names = [name for name in listed.stdout.decode().split("\0") if name]
    return [ROOT / name for name in names if "/vendor/" not in name and (ROOT / name).is_file()]


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield node.body[0].lineno, text


def begins_with_a_clause(text: str) -> bool:
    return re.match(rf"(?:{'|'.join(CLAUSE_OPENINGS)})\b", text) is not None


def banned_words(path: str, line: int, text: str) -> Iterator[Finding]:
    for match in BANNED.finditer(text):
        yield Finding(path, line + text.count("\n", 0, match.start()), f"banned word: {match.group()}")


class Prose:
    """The findings and the counts of docstrings over all files that were read."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.clauses: list[Finding] = []
        self.docstring_count = 0

    def read(self, file: Path) -> None:
        path = str(file.relative_to(ROOT))
        if path in QUOTING or path == "tests/prose.py":
            return
        if file.suffix == ".py" and "/migrations/" not in path:
            self._read_python(path, file.read_text())
        elif file.suffix in COMMENTS:
            text = file.read_text()
            for match in COMMENTS[file.suffix].finditer(text):
                line = 1 + text.count("\n", 0, match.start())
                self.findings += banned_words(path, line, match.group())
        elif file.suffix == ".md":
            self.findings += banned_words(path, 1, file.read_text())
        elif path == "locale/zh_Hans/LC_MESSAGES/django.po":
            self._read_catalogue(file, path)

    def _read_python(self, path: str, text: str) -> None:
        tree = ast.parse(text)
        for line, docstring in docstrings(tree):
            self.docstring_count += 1
            self.findings += banned_words(path, line, docstring)
            if begins_with_a_clause(docstring):
                first = docstring.splitlines()[0]
                self.clauses.append(Finding(path, line, f"docstring begins with a clause: {first}"))
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                self.findings += banned_words(path, token.start[0], token.string)
        if path.startswith("tests/"):
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef) and RULE_CODE_IN_TEST_NAME.match(node.name):
                    self.findings.append(Finding(path, node.lineno, f"rule code in a test name: {node.name}"))

    def _read_catalogue(self, file: Path, path: str) -> None:
        with file.open("rb") as catalogue:
            messages = list(read_po(catalogue, ignore_obsolete=True))
        for message in messages:
            line = message.lineno or 0
            for text in message.id if isinstance(message.id, tuple) else (message.id,):
                for word in banned_words(path, line, text):
                    self.findings.append(Finding(path, line, f"{word.reason} in {text!r}"))
                for code in RULE_CODE.findall(text):
                    if code not in NOT_RULE_CODES:
                        self.findings.append(Finding(path, line, f"rule code {code} in {text!r}"))

    def report(self, *, show_clauses: bool) -> bool:
        """Print what was found. Return whether the prose passes."""
        share = len(self.clauses) / self.docstring_count if self.docstring_count else 0.0
        for finding in self.findings:
            print(finding)
        if show_clauses or share >= CLAUSE_SHARE_LIMIT:
            for clause in self.clauses:
                print(clause)
        print(
            f"{len(self.clauses)} of {self.docstring_count} docstrings begin with {'/'.join(CLAUSE_OPENINGS)}:"
            f" {share:.1%} (limit {CLAUSE_SHARE_LIMIT:.0%}); {len(self.findings)} other findings"
        )
        return share < CLAUSE_SHARE_LIMIT and not self.findings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("paths", nargs="*", help="files or folders; without them all of the project")
    parser.add_argument("--clauses", action="store_true", help="list each docstring that begins with a clause")
    arguments = parser.parse_args()
    prose = Prose()
    for file in tracked_files(arguments.paths):
        prose.read(file)
    return 0 if prose.report(show_clauses=arguments.clauses) else 1


if __name__ == "__main__":
    sys.exit(main())
