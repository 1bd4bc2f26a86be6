"""Rich text and addresses of blocks: what stays, what is removed, what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.designs.rules import markup, rich
from campaigns.templates.rules import liquid
from tests.campaigns.designs.samples import Found


@pytest.mark.parametrize(
    ("source", "cleaned"),
    [
        ("<p>Hello <b>you</b> and <i>me</i></p>", "<p>Hello <b>you</b> and <i>me</i></p>"),
        ("<script>alert(1)</script>Hi", "Hi"),
        ('<p onclick="x()" class="a">Hi</p>', "<p>Hi</p>"),
        ('<a href="javascript:alert(1)">x</a>', "<a>x</a>"),
        ('<a href="/inside">x</a>', "<a>x</a>"),
        ('<a href="https://shop.example/?a=1&amp;b=2">x</a>', '<a href="https://shop.example/?a=1&amp;b=2">x</a>'),
        ('<a href="{{ shop.url }}">x</a>', '<a href="{{ shop.url }}">x</a>'),
        ("Dear {{ customer.name | default: 'friend' }}", "Dear {{ customer.name | default: 'friend' }}"),
        ("{% if member.points &gt; 0 %}a{% else %}b{% endif %}", "{% if member.points > 0 %}a{% else %}b{% endif %}"),
        ('<img src="https://x.example/a.png">Hi', "Hi"),
        ('<span style="color:#ff0000;position:fixed">Hi</span>', '<span style="color:#ff0000">Hi</span>'),
    ],
)
def test_what_stays_of_a_rich_text(source, cleaned):
    assert rich.clean(source) == cleaned


@pytest.mark.parametrize(
    "source",
    [
        "{% assign a = 'x' %}",
        "{% capture a %}x{% endcapture %}",
        "{% for a in order.items %}x{% endfor %}",
        "{{ '<script>alert(1)</script>' }}",
        "{{ '&lt;script&gt;' }}",
        '<a href="{{ customer.name }}">x</a>',
        '<a href="{{ customer.name }}://x">x</a>',
        '<a href="https://{{ customer.name }}/x">x</a>',
        '<a href="java{{ customer.name }}script:alert(1)">x</a>',
    ],
)
def test_liquid_that_could_write_markup_is_refused(source):
    with pytest.raises(rich.NotPlain):
        rich.clean(source)


@pytest.mark.parametrize(
    ("source", "fine"),
    [
        ("https://shop.example/a", True),
        ("https://shop.example/?who={{ customer.number }}", True),
        ("mailto:hello@shop.example", True),
        ("tel:+8613800000000", True),
        ("{{ links.unsubscribe }}", True),
        ("{{ customer.name }}", False),
        ("{{ values.url }}", False),
        ("javascript:alert(1)", False),
        ("JAVA\tSCRIPT:alert(1)", False),
        ("data:text/html,x", False),
        ("//shop.example", False),
        ("https:///x", False),
        ("/products/", False),
        ("https://{{ customer.name }}.example/", False),
        ("{% if a %}https://x.example{% endif %}", False),
    ],
)
def test_links_lead_to_web_mail_or_phone_addresses(source, fine):
    if fine:
        assert rich.link(source) == source
    else:
        with pytest.raises(rich.NotPlain):
            rich.link(source)


def test_a_line_is_text_and_keeps_its_fields():
    assert rich.plain_text("A <b>&  {{ shop.name }}") == "A &lt;b&gt;&amp; {{ shop.name }}"
    with pytest.raises(rich.NotPlain):
        rich.plain_text("{% assign a = 1 %}")


PIECES = st.sampled_from(
    [
        "<script>",
        "</script>",
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        "<a href=",
        "javascript:alert(1)",
        '"',
        "'",
        ">",
        "<",
        "</a>",
        "{{",
        "}}",
        "{%",
        "%}",
        "{{ customer.name }}",
        "{{ shop.url }}",
        "{% if customer.name %}",
        "{% endif %}",
        "{{ '<b>' }}",
        "{{ customer.name | append: '<script>' }}",
        "<p style='background:url(javascript:x)'>",
        "<style>*{}</style>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "&lt;script&gt;",
        "&#106;avascript:",
        "<mj-raw>",
        "</mj-text>",
        "<mj-include path='/etc/passwd' />",
        "<b>",
        "</b>",
        "<br>",
        "<p>",
        "</p>",
        "liquid7k2held0end7k2",
        "held.invalid/0",
        '<a href="https://held.invalid/0">',
        "\ue0000\ue001",
        " ",
        "text",
        "\x00",
        "<base href=//x>",
        "<form action=//x>",
    ]
)


@settings(max_examples=2000, deadline=None)
@given(
    pieces=st.lists(PIECES | st.text(max_size=6), max_size=14),
    name=st.sampled_from(["<script>x</script>", '"><i>', "Ada"]),
)
def test_no_text_of_a_block_can_script(pieces, name):
    # given a hostile text, and a customer with a hostile name
    try:
        cleaned = rich.clean("".join(pieces))
    except rich.NotPlain:
        return
    # when it is put into an e-mail and rendered
    try:
        source = markup.to_html(
            f"<mjml><mj-body><mj-section><mj-column><mj-text>{cleaned}</mj-text></mj-column></mj-section></mj-body></mjml>",
            mjml,
        )
        shown = liquid.render(source, {"customer": {"name": name}, "shop": {"url": "https://shop.example"}}, html=True)
    except (liquid.TemplateError, ValueError):
        return
    # then nothing in it can run
    found = Found(shown)
    assert found.dangers() == []
    assert found.tags <= ALLOWED


def mjml(source: str) -> str:
    from mjml import mjml2html

    # The body alone: the head is the same for all.
    return mjml2html(source).partition("<body")[2].partition(">")[2]


ALLOWED = {"div", "table", "tbody", "tr", "td", *rich.TAGS}
