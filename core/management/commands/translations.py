"""Catalogues without GNU gettext: Babel, a Python package, extracts the texts of Python files and templates.

manage.py translations --update    adds new texts and removes unused ones; translations stay
manage.py translations --compile   writes locale/*/LC_MESSAGES/django.mo
manage.py translations --check     fails when a text has no translation, a placeholder differs or the .mo is stale
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import to_locale
from django.utils.translation.template import templatize

KEYWORDS = {
    "_": None,
    "_t": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
PLACEHOLDER = re.compile(r"%\(\w+\)[sdf]|%[sdf]|\{\w*\}")
HEADERS_LEFT_OUT = tuple(
    f'"{name}:'
    for name in ("Project-Id-Version", "Report-Msgid-Bugs-To", "POT-Creation-Date", "PO-Revision-Date",
                 "Last-Translator", "Language-Team", "Generated-By")
)  # fmt: skip
Extracted = tuple[str, int, str | tuple[str, ...], str | None]


class Command(BaseCommand):
    help = "Update, compile or check the translations of the product's texts."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        for name in ("update", "compile", "check"):
            parser.add_argument(f"--{name}", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        actions = [name for name in ("update", "compile", "check") if options[name]]
        if not actions:
            raise CommandError("Give --update, --compile or --check.")
        for language, _name in settings.LANGUAGES:
            if language != "en":
                for name in actions:
                    getattr(self, f"{name}_catalogue")(language)

    def update_catalogue(self, language: str) -> None:
        path = catalogue_path(language)
        fresh = template()
        if path.exists():
            catalogue = load(path, language)
            # Fuzzy matching would copy a wrong translation to a text that only looks similar.
            catalogue.update(fresh, no_fuzzy_matching=True)
            catalogue.obsolete.clear()
        else:
            catalogue = Catalog(locale=to_locale(language), project="Liuke", charset="utf-8")
            for message in fresh:
                if message.id:
                    catalogue[message.id] = message
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dump(catalogue))
        empty = sum(1 for message in catalogue if message.id and not translated(message))
        self.stdout.write(f"{path.relative_to(settings.BASE_DIR)}: {len(catalogue)} texts, {empty} without translation")

    def compile_catalogue(self, language: str) -> None:
        path = catalogue_path(language)
        path.with_suffix(".mo").write_bytes(compiled(load(path, language)))
        self.stdout.write(f"{path.with_suffix('.mo').relative_to(settings.BASE_DIR)} written")

    def check_catalogue(self, language: str) -> None:
        path = catalogue_path(language)
        catalogue = load(path, language)
        problems = list(faults(catalogue))
        compiled_path = path.with_suffix(".mo")
        if not compiled_path.exists() or texts(compiled_path) != texts_of(catalogue):
            problems.append(f"{compiled_path.name} is older than {path.name}: run translations --compile")
        for problem in problems:
            self.stderr.write(problem)
        if problems:
            raise CommandError(f"{len(problems)} problems in {language}.")
        self.stdout.write(f"{language}: {len(catalogue)} texts, all translated")


def catalogue_path(language: str) -> Path:
    return Path(settings.LOCALE_PATHS[0]) / to_locale(language) / "LC_MESSAGES" / "django.po"


def load(path: Path, language: str) -> Catalog:
    with path.open("rb") as handle:
        return read_po(handle, locale=to_locale(language))


def template() -> Catalog:
    """Return the texts of the product's own Python files and templates."""
    catalogue = Catalog(project="Liuke", charset="utf-8")
    for file_name, _line, message, context in extracted():
        flags = ["python-format"] if PLACEHOLDER.search(message if isinstance(message, str) else message[0]) else []
        catalogue.add(message, locations=[(file_name, 0)], flags=flags, context=context)
    return catalogue


def extracted() -> Iterator[Extracted]:
    root = settings.BASE_DIR
    folders = [*settings.OUR_APPS, "config", "templates"]
    for path in sorted(path for folder in folders for path in (root / folder).rglob("*")):
        if path.suffix not in {".py", ".html", ".txt"} or "migrations" in path.parts:
            continue
        source = path.read_text()
        if path.suffix != ".py":
            # Only the calls matter; the remaining indentation comes from the markup and is not valid Python.
            source = "\n".join(line.strip() for line in templatize(source).splitlines())
        for line, message, _comments, context in extract("python", io.BytesIO(source.encode()), keywords=KEYWORDS):
            yield str(path.relative_to(root)), line, message, context


def faults(catalogue: Catalog) -> Iterator[str]:
    known = {(message.context, key(message)) for message in catalogue if message.id}
    for message in template():
        if message.id and (message.context, key(message)) not in known:
            yield f"not in the catalogue: {key(message)!r} ({message.locations[0][0]})"
    for message in catalogue:
        if not message.id:
            continue
        if not translated(message):
            yield f"without translation: {key(message)!r}"
            continue
        # Chinese has one form for every number, so compare it with the placeholders of the plural.
        wanted = set(PLACEHOLDER.findall(forms(message.id)[-1]))
        for text in forms(message.string):
            if set(PLACEHOLDER.findall(text)) != wanted:
                yield f"placeholders differ: {key(message)!r} -> {text!r}"


def forms(text: Any) -> list[str]:
    """Return the texts of a message: one, or one per plural form."""
    return [str(item) for item in text] if isinstance(text, tuple | list) else [str(text or "")]


def key(message: Message) -> str:
    return forms(message.id)[0]


def translated(message: Message) -> bool:
    return all(forms(message.string)) and "fuzzy" not in message.flags


def dump(catalogue: Catalog) -> bytes:
    buffer = io.BytesIO()
    # Line numbers and dates would cause a merge conflict at every update.
    catalogue.header_comment = "# Simplified Chinese of Liuke. Texts come and go by `manage.py translations --update`."
    catalogue.fuzzy = False
    write_po(buffer, catalogue, width=120, sort_output=True, omit_header=False, include_lineno=False)
    lines = buffer.getvalue().decode().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(HEADERS_LEFT_OUT)).encode()


def compiled(catalogue: Catalog) -> bytes:
    # Babel writes an untranslated plural in English, which would then count as the translation.
    for message in [item for item in catalogue if item.id and not translated(item)]:
        catalogue.delete(message.id, message.context)
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def texts(path: Path) -> dict:
    with path.open("rb") as handle:
        return texts_of(read_mo(handle))


def _text(context: str | bytes | None) -> str | None:
    """Return a context as text. Babel reads the context from an .mo file as bytes."""
    return context.decode() if isinstance(context, bytes) else context


def texts_of(catalogue: Catalog) -> dict:
    return {
        (_text(message.context), key(message)): tuple(message.string)
        if isinstance(message.string, tuple | list)
        else message.string
        for message in catalogue
        if message.id and translated(message)
    }
