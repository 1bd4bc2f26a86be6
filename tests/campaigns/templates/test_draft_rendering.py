"""Test drafts of templates: slow sources are refused in one pass, and slow rendering is killed."""

from __future__ import annotations

import time

import pytest

from campaigns.channels.rules import to_text
from campaigns.templates.rules import liquid
from campaigns.templates.rules.liquid import TemplateError
from campaigns.templates.services import drafts as draft_rendering
from campaigns.templates.services.templates import Text, preview, save_template
from core.base.actor import SYSTEM
from core.base.errors import Invalid

SIZE = 32 * 1024
SLOW = {
    "openings": ("{{" * (SIZE // 2), "open_tag"),
    "tag openings": ("{%" * (SIZE // 2), "open_tag"),
    "openings and one end": ("{{" * 10_000 + "}}", "long_tag"),
    "raw": ("{% raw %}" * (SIZE // 9), "too_many_tags"),
    "doc": ("{% doc %}" * (SIZE // 9), "too_many_tags"),
    "spaces": (("{{" + " " * 1990 + "}}") * 16, "long_tag"),
    "spaces in a tag": (("{% if" + " " * 1980 + "%}") * 16, "long_tag"),
    "lines": (("{{" + "\n" * 1990 + "}}") * 16, "long_tag"),
    "many": ("{{a}}" * 1001, "too_many_tags"),
}


@pytest.mark.parametrize("name", SLOW)
def test_sources_that_are_slow_to_lex_are_refused_first(name, monkeypatch):
    source, code = SLOW[name]
    monkeypatch.setattr(liquid, "_HTML", None)
    monkeypatch.setattr(liquid, "_TEXT", None)
    for ask in (lambda: liquid.check(source, html=True), lambda: liquid.render(source, {}, html=True)):
        with pytest.raises(TemplateError) as refused:
            ask()
        assert refused.value.code == code


@pytest.mark.django_db
def test_saving_and_preview_name_the_line(store):
    text = Text("en", "Hello\n{{ customer.name", "Hi")
    for ask in (
        lambda: preview(text=text, channel="email", context={}),
        lambda: save_template(name="x", channel="email", texts=[text], actor=SYSTEM),
    ):
        with pytest.raises(Invalid) as refused:
            ask()
        assert refused.value.code == "open_tag"
        assert str(refused.value.message) == "Line 2: “{{” is never closed."


def test_a_draft_is_rendered_in_another_process_as_it_is_here():
    source = "{% for n in (1..3) %}{{ n }} {{ customer.name | upcase }}{% endfor %}"
    context = {"customer": {"name": "Ann & 安"}}
    assert draft_rendering.render(source, context, html=True) == liquid.render(source, context, html=True)
    draft_rendering.check("{{ customer.name }}", html=True)
    with pytest.raises(TemplateError) as refused:
        draft_rendering.check("a\n{{ customer.name | nothing }}", html=True)
    assert (refused.value.code, refused.value.line, refused.value.name) == ("unknown_filter", 2, "nothing")


def test_a_process_that_takes_too_long_is_killed_and_the_next_draft_works(monkeypatch):
    draft_rendering.check("{{ customer.name }}", html=True)
    child = draft_rendering._renderer._child
    monkeypatch.setattr(draft_rendering, "SECONDS", 0.0)
    with pytest.raises(TemplateError) as refused:
        draft_rendering.render("{{ customer.name }}" * 900, {}, html=True)
    assert refused.value.code == "too_slow"
    assert child.poll() == -9
    monkeypatch.undo()
    assert draft_rendering.render("{{ customer.name }}", {"customer": {"name": "Ann"}}, html=True) == "Ann"


def test_a_process_that_was_killed_is_replaced():
    draft_rendering.check("{{ customer.name }}", html=True)
    draft_rendering._renderer._child.kill()
    time.sleep(0.05)
    assert draft_rendering.render("{{ customer.name }}", {"customer": {"name": "Ann"}}, html=True) == "Ann"


@pytest.mark.parametrize("hostile", ["<", "<a ", '<a href="', '<a href="x">', '<a x href="y" '])
def test_plain_text_of_hostile_html_takes_no_minutes(hostile):
    started = time.monotonic()
    to_text(hostile * (SIZE // len(hostile)))
    # this took eight minutes
    assert time.monotonic() - started < 30
