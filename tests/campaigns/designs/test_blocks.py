"""Each block as a customer gets it, and what the check of a document refuses."""

from __future__ import annotations

import pytest

from campaigns.designs.registry import BLOCKS
from campaigns.designs.services.documents import checked_document
from campaigns.designs.services.ready import READY
from campaigns.templates.services.contexts import sample_context
from campaigns.templates.services.designs import compiled_texts
from core.base.errors import Invalid
from crm.orders.models import Product
from tests.campaigns.designs.samples import Found, block, document, rendered

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


def test_headings_texts_and_buttons_show_their_texts():
    body = rendered(
        block("heading", text="Fish & chips for {{ customer.first_name }}"),
        block("text", text="<p>Two <b>bold</b> words</p>"),
        block("button", {"link": "https://shop.example/?a=1&b=2", "colour": "#ff0000"}, label="Go"),
    )
    found = Found(body)
    assert "Fish & chips for Ada" in "".join(found.text)
    assert ("href", "https://shop.example/?a=1&b=2") in found.attributes
    assert "<b>bold</b>" in body
    assert "#ff0000" in body
    assert found.dangers() == []


def test_a_value_is_escaped_wherever_it_stands():
    body = rendered(
        block("heading", text="{{ customer.name }}"),
        block("button", {"link": "https://shop.example/?n={{ customer.name }}"}, label="{{ customer.name }}"),
        customer={"name": '"><script>alert(1)</script>', "first_name": ""},
    )
    assert Found(body).dangers() == []
    assert "<script" not in body


@pytest.mark.parametrize("has", [True, False])
def test_a_coupon_is_shown_to_those_who_have_one(has):
    coupon = sample_context("en")["coupon"] if has else {}
    body = rendered(block("coupon", title="A gift", button="Use it"), coupon=coupon)
    assert ("A gift" in body) is has
    assert ("23456-789AC-DEFGH" in body) is has


@pytest.mark.parametrize("member", [True, False])
def test_points_and_code_are_shown_to_members(member):
    body = rendered(
        block("points", title="Yours"),
        block("member_code", title="Scan me"),
        member={
            "is_member": member,
            "points": 1234,
            "tier": "Gold",
            "next_tier": "Platinum",
            "to_next": "¥60.00",
            "progress": 70,
        },
    )
    assert ("1234" in body) is member
    assert ("width:70%" in body) is member
    assert ("¥60.00 more to Platinum" in body) is member
    assert ("/m/example.png" in body) is member


def test_chosen_products_are_shown_as_the_catalogue_has_them_now():
    # given two products on sale, and one that is not
    for sku, price, active in (("MUG", 3900, True), ("TEA", 5900, True), ("OLD", 100, False)):
        Product.objects.create(
            sku=sku, name=f"The {sku}", price=price, url=f"https://shop.example/{sku}", active=active
        )
    row = block("products", {"source": "fixed", "skus": ["TEA", "OLD", "MUG"]}, title="For you", button="See it")
    # when the e-mail is rendered
    body = rendered(row)
    # then those on sale are there in the chosen order, with price and link
    text = "".join(Found(body).text)
    assert text.index("The TEA") < text.index("The MUG")
    assert "The OLD" not in text
    assert "¥59.00" in text
    assert ("href", "https://shop.example/TEA") in Found(body).attributes
    # and a new price is in the next e-mail without saving the design again
    Product.objects.filter(sku="TEA").update(price=4900)
    assert "¥49.00" in rendered(row)


def test_products_without_any_leave_no_title():
    body = rendered(
        block("products", {"source": "recommended"}, title="For you"), recommendations={"title": "", "items": []}
    )
    assert "For you" not in body
    nothing_chosen = block("products", {"source": "fixed", "skus": []}, title="For you")
    assert "For you" not in rendered(block("divider"), nothing_chosen)


def test_a_product_is_found_by_any_sku_and_in_any_case():
    Product.objects.create(sku="茶&1%", name="Green tea", price=100)
    row = {"source": "fixed", "skus": ["茶&1%"]}
    assert "Green tea" in rendered(block("products", row, title="For you"))
    Product.objects.create(sku="Mug", name="Cup", price=100)
    both = {"source": "fixed", "skus": ["MUG", "mug"]}
    assert rendered(block("products", both, title="For you")).count("Cup") == 2


def test_columns_hold_blocks_and_no_layout():
    inner = block("text", text="Left side")
    other = block("button", {"link": "https://shop.example/"}, label="Right side")
    columns = {**block("columns", {"ratio": "1-2"}), "columns": [[inner], [other]]}
    body = rendered(columns)
    assert body.index("Left side") < body.index("Right side")
    assert "34%" in body
    # when a block that needs the whole width is put into a column
    wrong = {**columns, "columns": [[block("footer")], []]}
    with pytest.raises(Invalid) as refused:
        checked_document(document(wrong), ["en"])
    # then it is refused with its place
    assert (refused.value.code, refused.value.field) == ("not_nested", "blocks.0.columns.0.0.kind")


@pytest.mark.parametrize(
    ("raw", "code", "field"),
    [
        ({"blocks": "x"}, "invalid", "blocks"),
        ({"blocks": []}, "required", "blocks"),
        (document({"kind": "video"}), "unknown_block", "blocks.0.kind"),
        (document(block("heading", text="")), "required", "blocks.0.texts.en.text"),
        (document(block("heading", text="x" * 301)), "too_long", "blocks.0.texts.en.text"),
        (document(block("text", text="{% assign a = 1 %}")), "not_possible", "blocks.0.texts.en.text"),
        (document(block("button", {"link": "javascript:alert(1)"}, label="x")), "not_a_link", "blocks.0.values.link"),
        (document(block("button", {"colour": "red"}, label="x")), "invalid_colour", "blocks.0.values.colour"),
        (document(block("image", {"picture": "a.png"}, alt="x")), "unknown_picture", "blocks.0.values.picture"),
        (
            document(block("image", {"picture": f"{'a' * 32}.png"}, alt="x")),
            "unknown_picture",
            "blocks.0.values.picture",
        ),
        (document(block("image", {"picture": f"{'a' * 32}.png"})), "required", "blocks.0.texts.en.alt"),
        (document(*[block("divider")] * 61), "too_many", "blocks"),
    ],
)
def test_a_wrong_document_is_refused_with_the_place(raw, code, field):
    with pytest.raises(Invalid) as refused:
        checked_document(raw, ["en"])
    assert (refused.value.code, refused.value.field) == (code, field)


def test_an_unknown_field_is_refused_in_its_block():
    with pytest.raises(Invalid) as refused:
        compiled_texts(document(block("divider"), block("text", text="{{ customer.nmae }}")), {"en": "Hello"})
    assert (refused.value.code, refused.value.field) == ("unknown_field", "blocks.1.texts.en.text")
    assert "customer.name" in str(refused.value.message)


def test_texts_are_needed_only_in_the_languages_with_a_subject():
    only_english = document(block("heading", text="Hello"))
    _document, texts = compiled_texts(only_english, {"en": "Hello", "zh-hans": " "})
    assert [text.language for text in texts] == ["en"]
    with pytest.raises(Invalid) as refused:
        compiled_texts(only_english, {"en": "Hello", "zh-hans": "您好"})
    assert refused.value.field == "blocks.0.texts.zh-hans.text"


@pytest.mark.parametrize("name", READY)
def test_each_ready_design_is_complete_light_and_readable(name):
    design = READY[name]
    # given nothing but the design itself
    _document, texts = compiled_texts(design.document(), design.subjects)
    # then it has both languages, stays under 100 KB, loads nothing of other sites and shows its links
    assert [text.language for text in texts] == ["en", "zh-hans"]
    for text in texts:
        assert len(text.body.encode()) < 100_000
        assert "fonts.googleapis" not in text.body
        assert "{{ links.unsubscribe }}" in text.body
        # Outlook knows neither flexible boxes, nor grids, nor positions.
        assert not {"flex", "grid", "position:"} & set(text.body.replace(";", " ").replace(":", ": ").split())
        assert Found(text.body).dangers() == []
    kinds = {one["kind"] for one in design.document()["blocks"]}
    assert kinds <= set(BLOCKS.names())
    assert {"header", "footer"} <= kinds
