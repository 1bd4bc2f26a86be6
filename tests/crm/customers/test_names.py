"""The folded form of names, and the terms that the index holds for it."""

import pytest
from django.db import connection

from core.base.actor import SYSTEM
from crm.customers.models import Customer
from crm.customers.rules.names import name_terms, pinyin_term, search_form
from crm.customers.services.customers import update_customer


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("Zoë Müller", "zoemuller"),
        ("ZOE", "zoe"),
        ("Łukasz Ørsted", "lukaszorsted"),
        ("Straße", "strasse"),
        ("张艳", "张艳 zhangyan zy yan y"),
        ("张 艳", "张艳 zhangyan zy yan y"),
        ("单雄信", "单雄信 shanxiongxin sxx xiongxin xx xin x"),
        ("吕布", "吕布 lvbu lubu lb bu b"),
        ("Anna 王", "anna王 wang w"),
        ("O'Brien", "o'brien"),
        ("", ""),
    ],
)
def test_the_folded_form(name, form):
    assert search_form(name) == form


def test_the_pinyin_of_a_long_name_is_cut():
    assert search_form("王" * 200) == " ".join(
        ["王" * 200, *(part for length in range(8, 0, -1) for part in ("wang" * length, "w" * length))]
    )


@pytest.mark.parametrize(
    ("word", "term"),
    [("yan", "~yan"), ("zhangyan", "~zhangy"), ("zy", "~zy"), ("zhang", "~zhan"), ("y", ""), ("艳", ""), ("8a", "")],
)
def test_the_term_of_a_pinyin(word, term):
    assert pinyin_term(word) == term


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["张艳", "Zoë Müller", "100% Wool", "王", "x", "", "Anna 王", "한국", "吕布"])
def test_the_database_holds_every_term_that_a_search_needs(name):
    form = search_form(name)
    with connection.cursor() as cursor:
        cursor.execute("SELECT crm_search_terms(%s)", [form])
        held = set(cursor.fetchone()[0])
    first, *pinyins = form.split(" ")
    assert set(name_terms(first)) <= held
    assert {term for pinyin in pinyins if (term := pinyin_term(pinyin))} <= held


@pytest.mark.django_db
def test_the_form_follows_the_name(make_customer):
    customer = make_customer("Zoë")
    assert Customer.objects.get().search_name == "zoe"
    update_customer(customer=customer, changes={"name": "张艳"}, actor=SYSTEM)
    assert Customer.objects.get().search_name == "张艳 zhangyan zy yan y"
    update_customer(customer=customer, changes={"region": "上海"}, actor=SYSTEM)
    assert Customer.objects.get().search_name == "张艳 zhangyan zy yan y"
    emptied = Customer.objects.get()
    emptied.name = ""
    emptied.save()
    assert Customer.objects.get().search_name == ""


@pytest.mark.django_db
def test_a_changed_name_is_one_changed_field(make_customer):
    from core.events.models import DomainEvent

    update_customer(customer=make_customer("Zoë"), changes={"name": "Zoe"}, actor=SYSTEM)
    assert DomainEvent.objects.get(kind="crm.customer_updated").payload == {"fields": ["name"]}
