"""The profile of the shop: texts, logo, sender, zone and currency."""

from __future__ import annotations

import io

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from campaigns.channels.registry import CHANNELS, Outgoing
from campaigns.coupons.services.coupons import create_coupon
from core.base import zones
from core.base.actor import SYSTEM
from core.base.errors import Invalid, NotFound, Refused
from core.http import resolving
from core.security.roles import Role
from crm.customers.console import shop as page_of_shop
from crm.customers.models import Store
from crm.customers.services.shop import LOGO_BYTES, update_shop

pytestmark = pytest.mark.django_db
FORM = {
    "name": "Tea House", "brand_colour": "#1F5FBF", "accent_colour": "", "address": "1 Leaf Road\nHangzhou",
    "sender_name": "Tea House", "sender_email": "post@tea.example", "reply_to": "help@tea.example",
    "dkim_selector": "s1", "time_zone": "Europe/Paris", "currency": "CNY",
}  # fmt: skip


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)


@pytest.fixture
def administrator(client, staff):
    client.force_login(staff(Role.ADMINISTRATOR))
    return client


def png(size: tuple[int, int] = (60, 20), name: str = "logo.png") -> SimpleUploadedFile:
    output = io.BytesIO()
    Image.new("RGB", size, "#1f5fbf").save(output, "PNG")
    return SimpleUploadedFile(name, output.getvalue(), "image/png")


def values(store: Store) -> dict:
    return {name: value for name, value in Store.objects.values().get(pk=store.pk).items() if name != "id"}


def test_the_form_saves_the_shop(administrator, store, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = administrator.post(reverse("settings_shop"), {**FORM, "logo": png()})
    assert answer.url == reverse("settings_shop")
    store.refresh_from_db()
    assert (store.name, store.brand_colour, store.time_zone) == ("Tea House", "#1f5fbf", "Europe/Paris")
    assert (store.sender_name, store.sender_email, store.reply_to) == (
        "Tea House", "post@tea.example", "help@tea.example",
    )  # fmt: skip
    assert store.address == "1 Leaf Road\nHangzhou"
    assert zones.shop_zone() == "Europe/Paris"
    # and the logo is public, encoded again
    name = store.logo.name.rpartition("/")[2]
    picture = administrator.get(reverse("shop_logo", args=[name]))
    assert (picture.status_code, picture["Content-Type"]) == (200, "image/png")
    assert Image.open(io.BytesIO(b"".join(picture.streaming_content))).size == (60, 20)


def test_a_logo_is_replaced_and_removed(store, django_capture_on_commit_callbacks):
    update_shop(store=store, actor=SYSTEM, logo=png())
    store.refresh_from_db()
    first, storage = store.logo.name, store.logo.storage
    with django_capture_on_commit_callbacks(execute=True):
        update_shop(store=store, actor=SYSTEM, logo=png((10, 10)))
    store.refresh_from_db()
    assert store.logo.name != first
    assert not storage.exists(first)
    with django_capture_on_commit_callbacks(execute=True):
        update_shop(store=store, actor=SYSTEM, logo="")
    store.refresh_from_db()
    assert not store.logo


@pytest.mark.parametrize(
    ("upload", "code"),
    [
        (SimpleUploadedFile("logo.png", b"<svg onload=alert(1)>", "image/png"), "invalid"),
        (SimpleUploadedFile("logo.png", b"\x89PNG\r\n\x1a\n" + b"0" * 40, "image/png"), "damaged"),
        (SimpleUploadedFile("logo.png", b"\x89PNG\r\n\x1a\n" + b"0" * LOGO_BYTES, "image/png"), "too_large"),
    ],
)
def test_a_wrong_logo_is_refused(store, upload, code):
    before = values(store)
    with pytest.raises(Invalid) as refused:
        update_shop(store=store, actor=SYSTEM, name="Other", logo=upload)
    assert (refused.value.field, refused.value.code) == ("logo", code)
    assert values(store) == before


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": " "}, "invalid"),
        ({"name": "x" * 121}, "invalid"),
        ({"brand_colour": "blue"}, "invalid"),
        ({"sender_email": "no address"}, "invalid"),
        ({"reply_to": "a@b@c"}, "invalid"),
        ({"dkim_selector": "two words"}, "invalid"),
        ({"time_zone": "Mars/Base"}, "unknown_time_zone"),
        ({"currency": "XYZ"}, "unknown_currency"),
        ({"code": "other"}, "fixed"),
    ],
)
def test_wrong_values_are_refused_at_their_field(store, changes, code):
    before = values(store)
    with pytest.raises(Invalid) as refused:
        update_shop(store=store, actor=SYSTEM, address="Changed", **changes)
    assert (refused.value.field, refused.value.code) == (next(iter(changes)), code)
    assert values(store) == before


def test_the_currency_changes_with_the_program_while_no_order_exists(store, program):
    update_shop(store=store, actor=SYSTEM, currency="eur")
    store.refresh_from_db()
    program.refresh_from_db()
    assert (store.currency, program.currency) == ("EUR", "EUR")


def test_the_currency_stays_when_an_order_exists(administrator, store, make_customer, make_order):
    make_order(make_customer())
    before = values(store)
    page = administrator.post(reverse("settings_shop"), {**FORM, "currency": "EUR"})
    assert "Orders exist already, so the currency can&#x27;t be changed." in page.content.decode()
    assert values(store) == before
    with pytest.raises(Refused) as refused:
        update_shop(store=store, actor=SYSTEM, currency="EUR")
    assert (refused.value.code, refused.value.field) == ("currency_in_use", "currency")


def test_the_currency_stays_when_amounts_would_change_their_meaning(store, program):
    # given a program with amounts in a currency of two decimals
    for currency in ("JPY", "KWD"):
        with pytest.raises(Refused):
            update_shop(store=store, actor=SYSTEM, currency=currency)
    # and a coupon
    create_coupon(name="Ten", kind="amount", value=1000, actor=SYSTEM)
    with pytest.raises(Refused):
        update_shop(store=store, actor=SYSTEM, currency="EUR")
    store.refresh_from_db()
    program.refresh_from_db()
    assert (store.currency, program.currency) == ("CNY", "CNY")


def test_messages_have_the_sender_of_the_shop(store):
    update_shop(
        store=store, actor=SYSTEM, sender_name="Tea House", sender_email="post@tea.example", reply_to="help@tea.example"
    )
    item = Outgoing(
        "7b0d2d4e-0000-4000-8000-000000000000", 0, "a@b.example", "Hi", "<p>Hi</p>", "en", "transactional"
    )  # fmt: skip
    CHANNELS["email"].deliver([item])
    update_shop(store=store, actor=SYSTEM, sender_name="", sender_email="", reply_to="")
    CHANNELS["email"].deliver([item])
    assert [(message.from_email, message.reply_to) for message in mail.outbox] == [
        ("Tea House <post@tea.example>", ["help@tea.example"]),
        ("shop@localhost", []),
    ]


def test_the_page_of_the_domain_names_the_records(administrator, store, monkeypatch):
    monkeypatch.setattr(resolving, "txt_records", lambda name: [])
    assert "No domain to check yet" in administrator.get(reverse("settings_domain")).content.decode()
    update_shop(store=store, actor=SYSTEM, sender_email="post@tea.example")
    page = administrator.get(reverse("settings_domain")).content.decode()
    assert "v=DMARC1; p=quarantine; rua=mailto:postmaster@tea.example" in page
    assert "_dmarc.tea.example" in page


def test_a_shop_that_is_not_set_up_has_no_settings(administrator):
    with pytest.raises(NotFound) as refused:
        page_of_shop._store()
    assert refused.value.code == "no_store"
    assert administrator.get(reverse("settings_shop")).status_code == 404


def test_the_index_shows_the_cards_of_a_role(client, staff, store):
    client.force_login(staff(Role.AGENT))
    page = client.get(reverse("settings")).content.decode()
    assert reverse("preferences") in page
    assert reverse("team") not in page
    client.force_login(staff(Role.ADMINISTRATOR))
    page = client.get(reverse("settings")).content.decode()
    for route in ("settings_shop", "team", "attributes", "tags", "products", "scoring", "loyalty_program", "channels"):
        assert f'href="{reverse(route)}"' in page
