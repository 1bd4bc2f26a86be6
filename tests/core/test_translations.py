"""The translations command: extracted texts and reported faults."""

import ast

from babel.messages.catalog import Catalog
from django.conf import settings
from django.utils.translation.template import templatize

from core.management.commands import translations


def ids(catalogue):
    return {translations.key(message) for message in catalogue if message.id}


def test_texts_of_python_and_templates_are_found():
    catalogue = translations.template()
    texts = ids(catalogue)
    assert {"Skip to the content", "customer number", "Needs attention", "%(count)s more line"} <= texts
    assert not any("migrations" in place for message in catalogue for place, _ in message.locations)


def test_templatize_needs_no_gettext_programs():
    assert "Hello %(name)s" in templatize("{% load i18n %}{% blocktranslate %}Hello {{ name }}{% endblocktranslate %}")


def test_what_is_missing_or_has_other_placeholders_is_named(monkeypatch):
    wanted = Catalog()
    for text in ("%(count)s points", "Save", "New"):
        wanted.add(text, locations=[("page.html", 0)])
    monkeypatch.setattr(translations, "template", lambda: wanted)
    catalogue = Catalog(locale="zh_Hans")
    catalogue.add("%(count)s points", "%(number)s 积分")
    catalogue.add("Save", "")
    faults = list(translations.faults(catalogue))
    assert len(faults) == 3
    assert any(fault.startswith("not in the catalogue: 'New'") for fault in faults)
    assert "without translation: 'Save'" in faults
    assert any(fault.startswith("placeholders differ: '%(count)s points'") for fault in faults)


def test_no_text_stands_in_an_f_string_where_it_is_not_collected():
    marked = {"_", "_t", "gettext", "ngettext", "pgettext", "npgettext"}
    found = [
        f"{path.relative_to(settings.BASE_DIR)}:{call.lineno}"
        for app in settings.OUR_APPS
        for path in (settings.BASE_DIR / app).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.JoinedStr)
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in marked
    ]
    assert found == []
