"""The translations command: extracted texts and reported faults."""

from babel.messages.catalog import Catalog
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
