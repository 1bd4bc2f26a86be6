"""Countries are stored as ISO 3166 codes, however the shop, a file or a person names them."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.utils import translation

from analytics.conditions.registry import CONDITIONS
from core.base.actor import SYSTEM
from core.base.errors import Invalid
from core.text.countries import choices, code_of, codes
from crm.customers.models import Customer
from crm.customers.services.customers import update_customer
from crm.imports.services import running as imports
from crm.orders.models import Order
from crm.profiles.console.forms import ProfileForm

# Every name of UCI Online Retail that differs from its English name in CLDR, and other names that files use.
NAMES = {
    "United Kingdom": "GB", "EIRE": "IE", "英国": "GB", "英國": "GB", "USA": "US", "RSA": "ZA", "Channel Islands": "JE",
    "European Community": "EU", "Czech Republic": "CZ", "Hong Kong": "HK", "Korea": "KR", "Unspecified": "", "": "",
    "gb": "GB", " united   kingdom ": "GB", "中国": "CN", "Atlantis": None, "XX": None, "ZZ": None,
}  # fmt: skip


@pytest.mark.parametrize(("text", "code"), NAMES.items())
def test_names_become_codes(text, code):
    assert code_of(text) == code


def test_there_are_the_countries_of_iso_3166_with_names_in_both_languages():
    # 249 codes of ISO 3166-1, Kosovo's user-assigned one, and the reserved one of the European Union
    assert len(codes()) == 251
    with translation.override("en"):
        assert dict(choices())["DE"] == "Germany"
    with translation.override("zh-hans"):
        assert dict(choices())["DE"] == "德国"


def test_a_profile_takes_a_name_and_keeps_the_code(make_customer, api):
    customer = update_customer(customer=make_customer(), changes={"country": "英国"}, actor=SYSTEM)
    assert customer.country == "GB"
    with pytest.raises(Invalid) as refused:
        update_customer(customer=customer, changes={"country": "Atlantis"}, actor=SYSTEM)
    assert (refused.value.code, refused.value.field) == ("unknown_country", "country")
    answer = api.patch(f"/api/v1/customers/{customer.number}", {"country": "Atlantis"}, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown_country")
    customer.refresh_from_db()
    assert customer.country == "GB"


def test_the_database_holds_codes_alone(make_customer):
    customer = make_customer()
    with pytest.raises(IntegrityError, match="crm_customer_country_is_a_code"), transaction.atomic():
        Customer.objects.filter(pk=customer.pk).update(country="Germany")


def test_the_form_and_the_segment_condition_choose_among_countries(make_customer):
    form = ProfileForm(customer=make_customer())
    assert ("FR", "France") in form.fields["country"].choices
    [chosen] = CONDITIONS["country"].inputs("in")
    assert ("FR", "France") in [(value, str(label)) for value, label in chosen.choices()]


def brought(store, tmp_path, kind: str, content: str):
    path = tmp_path / "file.csv"
    path.write_text(content)
    return imports.run_import(run=imports.create_import(kind=kind, source="shop", path=str(path), actor=SYSTEM))


def test_a_customers_file_refuses_rows_with_an_unknown_country(store, tmp_path):
    run = brought(store, tmp_path, "customers", "storefront,country\n1,EIRE\n2,Atlantis\n3,英国\n4,\n")
    assert sorted(Customer.objects.values_list("identities__value", "country")) == [("1", "IE"), ("3", "GB"), ("4", "")]
    assert [(one.row_number, one.field, one.code) for one in run.refusals.all()] == [(3, "country", "not_a_country")]


def test_an_order_with_an_unknown_country_is_imported_without_it_and_listed(store, tmp_path):
    run = brought(
        store, tmp_path, "orders",
        "number,placed_at,sku,quantity,unit_price,storefront,country\nA,2024-01-01,T,1,5,1,Atlantis\nB,2024-01-01,T,1,5,2,USA\n",
    )  # fmt: skip
    assert (run.accepted_count, run.refused_count) == (2, 0)
    assert Order.objects.count() == 2
    assert sorted(Customer.objects.values_list("country", flat=True)) == ["", "US"]
    assert [(one.row_number, one.code, one.reason.split(": ")[-1]) for one in run.refusals.all()] == [
        (2, "unknown_country", "Atlantis")
    ]
    assert run.result["noted"] == {"unknown_country": 1}
