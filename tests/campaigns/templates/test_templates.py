"""Test the limits of marketers' templates (P5), no code, settings, other customers or endless work, and features."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from django.utils import translation

from campaigns.channels import rules as html
from campaigns.templates.models import Template, TemplateText
from campaigns.templates.rules import liquid
from campaigns.templates.services.templates import RenderFailed, Text, preview, render, save_template
from core.base.actor import SYSTEM
from core.base.errors import Invalid

CONTEXT = {
    "customer": {"name": "Ada <b>", "first_name": "Ada", "number": "1"},
    "member": {"points": 1200, "tier": "Gold"},
    "order": {"items": [{"name": f"Item {n}"} for n in range(3)]},
    "today": "2026-03-10",
}


class Secret:
    password = "hunter2"

    def delete(self):
        raise AssertionError("code ran")


ATTACKS = {
    "attributes": "{{ customer.__class__ }}{{ customer.__class__.__mro__ }}{{ customer.keys }}{{ customer.items }}",
    "settings": "{{ settings.SECRET_KEY }}",
    "huge range": "{% for i in (1..1000000000) %}x{% endfor %}",
    "huge range reversed": "{% for i in (1..1000000000) reversed %}x{% endfor %}",
    "range as a value": "{{ (1..99999999999) | size }}",
    "replace bomb": "{% assign a = 'aaaaaaaaaa' %}" + "{% assign a = a | replace: 'a', 'aaaaaaaaaa' %}" * 9,
    "split": "{{ 'a,b' | split: ',' | join: 'x' }}",
    "join": "{{ order.items | join: 'x' }}",
    "nested loops": "{% for a in (1..100) %}{% for b in (1..100) %}{% for c in (1..100) %}x"
    "{% endfor %}{% endfor %}{% endfor %}",
    "loops one after another": "{% for a in (1..100) %}{% endfor %}" * 100,
    "doubling": "{% assign a = 'xxxxxxxxxxxxxxxx' %}" + "{% assign a = a | append: a %}" * 60,
    "doubling by capture": "{% capture a %}xxxxxxxx{% endcapture %}"
    + "{% capture a %}{{ a }}{{ a }}{{ a }}{{ a }}{% endcapture %}" * 30,
    "chain of filters": "{% assign a = 'xxxxxxxxxxxxxxxx' %}{{ a" + " | append: a" * 2600 + " }}",
    "big numbers": "{% assign n = 99999 %}" + "{% assign n = n | times: n %}" * 60,
    "exponent": "{{ '1e999999999' | times: 1e99 }}",
    "include": "{% include 'base.html' %}",
    "render": "{% render 'base.html' %}",
    "date width": "{{ today | date: '%99999999Y' }}",
    "deep nesting": "{% if 1 %}" * 200 + "{% endif %}" * 200,
    "output": "{% for a in (1..200) %}" + "x" * 3000 + "{% endfor %}",
    "source": "x" * 33_000,
    "safe": "{{ customer.name | safe }}",
    "tag": "{% load static %}",
}


REFUSALS = {
    "too_much", "too_long", "long_tag", "syntax", "unknown_filter", "unknown_variable", "unknown_field",
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_are_refused_or_bounded(name):
    tracemalloc.start()
    started = time.monotonic()
    try:
        liquid.check(ATTACKS[name], html=True)
        shown = liquid.render(ATTACKS[name], CONTEXT, html=True)
        assert name in {"attributes", "exponent"}, "only harmless ones pass"
        assert shown.strip("0.") == ""
    except liquid.TemplateError as error:
        assert error.code in REFUSALS  # noqa: PT017
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert time.monotonic() - started < 3
    assert peak < 40_000_000


def test_a_context_with_objects_is_refused_before_a_template_sees_it():
    for value in (Secret(), Secret, len, {"x": Secret()}, [Secret()]):
        with pytest.raises(liquid.TemplateError):
            liquid.render("{{ customer.x.delete }}", {"customer": value}, html=False)


def test_values_are_escaped_in_html_and_left_alone_in_text():
    assert liquid.render("{{ customer.name }}", CONTEXT, html=True) == "Ada &lt;b&gt;"
    assert liquid.render("{{ customer.name }}", CONTEXT, html=False) == "Ada <b>"


def test_what_a_template_can_do():
    source = (
        "{% for item in order.items limit: 2 %}{{ item.name }}{% unless forloop.last %}, {% endunless %}{% endfor %} "
        "{{ member.points | divided_by: 100 | plus: 1 }} {{ today | date: '%d.%m.%Y' }} "
        "{{ customer.number | default: 'friend' }} "
        "{% if member.tier == 'Gold' and member.points > 1000 %}gold{% else %}other{% endif %}"
    )
    liquid.check(source, html=True)
    assert liquid.render(source, CONTEXT, html=True) == "Item 0, Item 1 13 10.03.2026 1 gold"


@pytest.mark.parametrize(
    ("source", "line", "code"),
    [
        ("one\ntwo {{ customer.name | }}", 2, "syntax"),
        ("one\n\n{% bad %}", 3, "syntax"),
        ("a\n{{ customer.name | replace: 'a' }}", 2, "unknown_filter"),
        ("a\nb\n{{ custmer.name }}", 3, "unknown_variable"),
    ],
)
def test_errors_name_the_line_when_saved(db, source, line, code):
    with pytest.raises(Invalid) as error:
        save_template(name="T", channel="inbox", texts=[Text("en", "fine"), Text("zh-CN", source)], actor=SYSTEM)
    assert (error.value.code, error.value.field, error.value.details) == (code, "texts.1.body", {"line": line})
    assert Template.objects.count() == 0


def test_every_change_is_a_new_version_and_the_old_one_stays(db):
    first = save_template(name="T", channel="email", texts=[Text("en", "<p>one</p>", "S")], actor=SYSTEM)
    assert first.version == 1
    same = save_template(
        name="T2", channel="email", template=first, texts=[Text("en", "<p>one</p>", "S")], actor=SYSTEM
    )
    assert (same.version, same.name) == (1, "T2")
    second = save_template(
        name="T2", channel="email", template=first, texts=[Text("en", "<p>two</p>", "S")], actor=SYSTEM
    )
    assert second.version == 2
    assert render(template=second, version=1, languages=["en"], context={}).body == "<p>one</p>"
    assert render(template=second, version=2, languages=["en"], context={}).body == "<p>two</p>"
    assert TemplateText.objects.count() == 2


def test_languages_fall_back_to_the_shops_and_then_to_any(db):
    template = save_template(
        name="T", channel="inbox", actor=SYSTEM, texts=[Text("en", "hello"), Text("zh_CN", "您好")]
    )  # fmt: skip
    body = lambda *languages: render(template=template, version=1, languages=languages, context={}).body  # noqa: E731
    assert body("zh-hans", "en") == "您好"
    assert body("fr", "zh-hans") == "您好"
    assert body("fr") == "hello"
    with pytest.raises(RenderFailed):
        render(template=template, version=9, languages=["en"], context={})


def test_html_is_cleaned_and_has_a_readable_text_beside_it():
    dirty = (
        '<p onclick="x()">Hi<script>alert(1)</script> <a href="javascript:x()">bad</a> '
        '<a href="https://shop.example/a?b=1&amp;c=2">good</a></p><form action="/x"><input></form>'
        '<p style="color:red;position:fixed">x</p><iframe src="https://x"></iframe>'
    )
    clean = html.clean(dirty)
    for gone in ("script", "onclick", "javascript:", "form", "input", "position", "iframe"):
        assert gone not in clean
    assert '<a href="https://shop.example/a?b=1&amp;c=2">good</a>' in clean
    assert "color:red" in clean
    assert html.to_text(clean) == "Hi bad good (https://shop.example/a?b=1&c=2)\nx\n"
    assert html.clean("one\ntwo\n\nthree") == "<p>one<br>two</p>\n<p>three</p>"


def test_a_preview_refuses_what_saving_refuses(store):
    from campaigns.templates.services.contexts import sample_context

    text = Text("zh-hans", "<p>{{ customer.name }} {{ coupon.value }}</p>", "S {{ order.number }}")
    shown = preview(text=text, channel="email", context=sample_context("zh-hans"))
    assert (shown.subject, shown.body) == ("S 2026-0001", "<p>王小明 ¥20.00</p>")
    with pytest.raises(Invalid):
        preview(text=Text("en", "{{ x }}", "S"), channel="email", context={})


@pytest.mark.parametrize(
    ("source", "english", "chinese"),
    [
        (
            "a\n{{ customer.name | shout }}",
            "Line 2: the filter “shout” does not exist.",
            "第 2 行：没有名为“shout”的过滤器。",
        ),
        (
            "{{ settings.SECRET_KEY }}",
            "Line 1: the variable “settings” does not exist.",
            "第 1 行：没有名为“settings”的变量。",
        ),
        ("a\x00b", "This contains characters that can't be stored.", "包含无法保存的字符。"),
    ],
)
def test_errors_are_in_the_writers_language(store, source, english, chinese):
    for language, said in (("en", english), ("zh-hans", chinese)):
        with translation.override(language), pytest.raises(Invalid) as error:
            save_template(name="T", channel="inbox", texts=[Text("en", source)], actor=SYSTEM)
        assert str(error.value.message) == said


def test_a_syntax_error_names_its_line_in_chinese_too(store):
    with translation.override("zh-hans"), pytest.raises(Invalid) as error:
        save_template(name="T", channel="inbox", texts=[Text("en", "a\n{% if %}")], actor=SYSTEM)
    assert str(error.value.message).startswith("第 2 行：无法识别（")


VALUES = [
    "Ada <b> & 'co'", "", "王小明", 0, 12, 1.5, True, False, None, [1, "<i>"], [], {"deep": "x"}, {"size": 3}, {}
]  # fmt: skip
PATHS = [
    "customer.name", "customer.name.deep", "customer['name']", "customer", "member.points", "shop.missing.more", "rfm",
    "customer.size", "customer.name.first", "order.items[0]", "order.items.last", "today", "links.unsubscribe",
]  # fmt: skip


@pytest.mark.parametrize("html_", [True, False])
@pytest.mark.parametrize("path", PATHS)
def test_joining_words_and_variables_equals_the_interpreter(path, html_):
    """Joining without the interpreter gives the same result for every kind of value, including missing ones (P5)."""
    source = f"Dear {{{{ {path} }}}}, \n{{{{-{path}-}}}} <b>&amp;</b> {{{{ customer.number }}}}"
    for value in VALUES:
        context = {
            "customer": {"name": value, "number": 7},
            "member": {"points": value},
            "rfm": value,
            "order": {"items": [value]},
        }
        expected = liquid._parsed(source, html_).render(liquid.plain(context))
        assert liquid.render(source, context, html=html_) == expected, (path, value)


def test_a_joined_text_is_bounded_too():
    long = {"customer": {"name": "x" * 60_000}}
    assert len(liquid.render("{{ customer.name }}" * 4, long, html=False)) == 240_000
    with pytest.raises(liquid.TemplateError) as refused:
        liquid.render("{{ customer.name }}" * 5, long, html=False)
    assert refused.value.code == "too_much"


def test_names_in_a_text_are_known_before_it_is_rendered():
    assert liquid.roots("no variables") == frozenset()
    assert liquid.roots("{{ customer.name }}{% for i in order.items %}{{ i.name }}{% endfor %}") == {
        "customer",
        "order",
    }
    assert liquid.roots("{{ [customer.name] }}") == liquid.ROOTS, "a name that is only known later"
    assert Text("en", "{{ customer.spent }}", "{{ member.tier }}").names == {"customer", "member", "spent"}
