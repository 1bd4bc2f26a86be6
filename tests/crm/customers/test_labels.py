"""Codes of other systems are shown as labels in the viewer's language; an unknown code is shown unchanged."""

import pytest
from django.urls import reverse
from django.utils import translation

from core.security.roles import Role
from crm.customers import labels
from crm.orders.models import Payment
from loyalty.tiers.models import Tier
from loyalty.tiers.services.evaluation import evaluate_tiers

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("label", "code", "english", "chinese"),
    [
        (labels.method_label, "alipay", "Alipay", "支付宝"),
        (labels.method_label, "WeChat-Pay", "WeChat Pay", "微信支付"),
        (labels.method_label, "card", "Card", "银行卡"),
        (labels.method_label, "twint", "twint", "twint"),
        (labels.source_label, "simulator", "Demo data", "演示数据"),
        (labels.source_label, "mini_program", "Mini program", "小程序"),
        (labels.source_label, "shopify-eu", "shopify-eu", "shopify-eu"),
        (labels.sales_channel_label, "store", "Store", "门店"),
    ],
)
def test_a_code_has_its_label_in_both_languages(label, code, english, chinese):
    with translation.override("en"):
        assert label(code) == english
    with translation.override("zh-hans"):
        assert label(code) == chinese


def test_equal_source_and_channel_are_shown_once():
    with translation.override("en"):
        assert labels.origin_label("simulator", "app") == "Demo data · App"
        assert labels.origin_label("web", "web") == "Website"
        assert labels.origin_label("storefront", "") == "Storefront"


def test_an_order_names_its_payment_and_where_it_came_from(client, staff, make_customer, make_order):
    order = make_order(make_customer(), channel="mini_program")
    Payment.objects.filter(order=order).delete()
    Payment.objects.create(order=order, method="alipay", amount=order.total, paid_at=order.paid_at)
    client.force_login(staff(Role.AGENT))
    page = client.get(reverse("order", args=[order.pk])).content.decode()
    assert "<span>Alipay<span" in page
    assert "<dd>Storefront · Mini program</dd>" in page


def test_the_timeline_names_tiers_in_the_viewers_language(client, staff, program, make_customer, make_order, settle):
    # given a member who rises to Gold, 黄金 in Chinese
    gold = Tier.objects.get(program=program, code="gold")
    customer = make_customer()
    make_order(customer, gold.threshold)
    settle()
    evaluate_tiers(program=program)
    user = staff(Role.AGENT)
    client.force_login(user)

    def timeline() -> str:
        page = client.get(reverse("customer", args=[customer.number])).content.decode()
        return page[page.index('id="timeline"') :]

    assert f'<p class="moment-detail">{gold.name}</p>' in timeline()
    user.language = "zh-hans"
    user.save()
    with translation.override("en"):
        assert f'<p class="moment-detail">{gold.name_zh}</p>' in timeline()
