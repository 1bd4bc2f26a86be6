"""Test blocks of the template editor: products with a true title (A6), coupon, points; and restored versions (J8)."""

from __future__ import annotations

import pytest
from django.urls import reverse

from analytics.recommendations.registry import RECOMMENDERS, Recommendation, RecommendedProduct, recommend
from campaigns.templates.console.variables import BLOCKS
from campaigns.templates.models import TemplateText
from campaigns.templates.services import contexts, templates
from campaigns.templates.services.templates import Text, restore_version, save_template
from core.base import zones
from core.base.actor import SYSTEM
from core.base.errors import NotFound
from core.security.roles import Role
from crm.orders.models import Product as Article

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(make_customer, make_order):
    """Coffee A sells three times, B twice, tea once; Ada has bought A and tea, Bob has no orders."""
    ada, bob, others = make_customer("Ada"), make_customer("Bob"), make_customer()
    for sku, count in (("A", 3), ("B", 2)):
        for _ in range(count):
            make_order(others, sku=sku, category="Drinks/Coffee")
    make_order(ada, sku="A", category="Drinks/Coffee")
    make_order(ada, sku="A", category="Drinks/Coffee")
    make_order(ada, sku="T", category="Drinks/Tea")
    for sku in ("A", "B", "T"):
        Article.objects.filter(sku=sku).update(name=f"Article {sku}", price=1_200)
    return ada, bob


def test_best_sellers_are_of_the_own_category_without_bought_products(shop):
    ada, bob = shop
    found = recommend([ada.pk, bob.pk])
    assert [item.sku for item in found[ada.pk].products] == ["B"]
    assert str(found[ada.pk].title) % found[ada.pk].values == "Best sellers in Coffee"
    assert [item.sku for item in found[bob.pk].products] == ["A", "B", "T"]
    assert str(found[bob.pk].title) == "Best sellers"


def test_inactive_products_are_not_shown_and_an_empty_shop_recommends_nothing(shop, make_customer):
    ada, bob = shop
    Article.objects.filter(sku="B").update(active=False)
    assert [item.sku for item in recommend([bob.pk])[bob.pk].products] == ["A", "T"]
    assert "Coffee" not in str(recommend([ada.pk]).get(ada.pk))


def test_nothing_sold_nothing_recommended(make_customer):
    assert recommend([make_customer().pk]) == {}


def test_a_better_recommender_is_asked_first(shop, monkeypatch):
    ada, bob = shop

    class OnlyAda:
        def recommend(self, customer_ids, limit):
            return {ada.pk: Recommendation("For you", [RecommendedProduct("X", "X")])}

    monkeypatch.setattr(RECOMMENDERS, "_items", {"own": OnlyAda(), **RECOMMENDERS._items})
    found = recommend([ada.pk, bob.pk])
    assert (found[ada.pk].title, str(found[bob.pk].title)) == ("For you", "Best sellers")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_block_renders_for_a_customer_and_for_the_example(shop, program, language):
    _ada, bob = shop
    facts = contexts.Contexts([bob.pk], zones.known_zones())
    for source, _label in BLOCKS:
        text = Text(language, f"<p>x</p>{source}", "s")
        own = templates.preview(text=text, channel="email", context=facts.of(bob.pk, language, {}))
        sample = templates.preview(text=text, channel="email", context=contexts.sample_context(language))
        assert len(sample.body) > len(own.body) or "Article A" in own.body
    products = templates.preview(
        text=Text("en", BLOCKS[0][0], "s"), channel="email", context=facts.of(bob.pk, "en", {})
    )
    assert "<h3>Best sellers</h3>" in products.body
    assert "Article A" in products.body
    assert "¥12.00" in products.body


def test_values_that_a_template_does_not_name_are_not_looked_up(shop, monkeypatch):
    _ada, bob = shop
    monkeypatch.setattr(contexts, "recommend", lambda ids: pytest.fail("not asked for"))
    text = Text("en", "{{ customer.name }}")
    told = contexts.Contexts([bob.pk], zones.known_zones()).of(bob.pk, "en", {}, text.names)
    assert told.keys() == {"customer"}


def test_a_restored_version_is_a_new_version(store, client, staff):
    template = save_template(name="T", channel="email", texts=[Text("en", "<p>one</p>", "One")], actor=SYSTEM)
    template = save_template(
        name="T", channel="email", actor=SYSTEM, template=template, texts=[Text("en", "<p>two</p>", "Two")]
    )
    client.force_login(staff(Role.MARKETER))
    client.post(reverse("template_restore", args=[template.pk]), {"version": "1"})
    template.refresh_from_db()
    assert template.version == 3
    bodies = dict(TemplateText.objects.filter(template=template).values_list("version", "body"))
    assert bodies == {1: "<p>one</p>", 2: "<p>two</p>", 3: "<p>one</p>"}
    with pytest.raises(NotFound):
        restore_version(template=template, version=9, actor=SYSTEM)
    assert restore_version(template=template, version=3, actor=SYSTEM).version == 3, (
        "what is there already is no new version"
    )
