"""Settings of tags and of the shop's own customer fields."""

from __future__ import annotations

import pytest
from django.urls import reverse

from analytics.segments.models import Segment
from analytics.segments.services.segments import create_segment
from campaigns.journeys.models import Journey
from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid
from core.security.roles import Role
from crm.customers.models import AttributeDefinition, CustomerTag, Tag
from crm.customers.services.attributes import archive_attribute, create_attribute, restore_attribute, update_attribute
from crm.customers.services.customers import add_tag, update_customer
from crm.customers.services.tags import delete_tag, merge_tags, rename_tag

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator(client, staff):
    client.force_login(staff(Role.ADMINISTRATOR))
    return client


@pytest.fixture
def tags(make_customer):
    """Ada has vip, Bo has vip and VIPs, Cy has VIPs."""
    for name, own in (("Ada", ["vip"]), ("Bo", ["vip", "VIPs"]), ("Cy", ["VIPs"])):
        customer = make_customer(name)
        for tag in own:
            add_tag(customer=customer, name=tag, actor=SYSTEM)
    return Tag.objects.get(name="vip"), Tag.objects.get(name="VIPs")


def state() -> list[tuple[str, str]]:
    return sorted(CustomerTag.objects.values_list("customer__name", "tag__name"))


BEFORE = [("Ada", "vip"), ("Bo", "VIPs"), ("Bo", "vip"), ("Cy", "VIPs")]


def segment_of(*used: Tag) -> Segment:
    rule = {"condition": "tags", "operator": "has", "values": [str(tag.pk) for tag in used]}
    return create_segment(name="Best customers", rule={"op": "and", "children": [rule]}, actor=SYSTEM)


def journey_with(name: str) -> Journey:
    step = {"id": "a1", "kind": "tag", "action": "add", "tag": name}
    return Journey.objects.create(name="Welcome", draft={"steps": [step]})


def test_a_tag_is_renamed(tags):
    vip, _vips = tags
    rename_tag(tag=vip, name="  Gold  circle ", actor=SYSTEM)
    assert state() == [("Ada", "Gold circle"), ("Bo", "Gold circle"), ("Bo", "VIPs"), ("Cy", "VIPs")]


def test_a_taken_or_wrong_name_is_refused(tags):
    vip, _vips = tags
    for name, code in (("VIPs", "name_taken"), (" ", "invalid"), ("x" * 61, "invalid")):
        with pytest.raises(Invalid) as refused:
            rename_tag(tag=vip, name=name, actor=SYSTEM)
        assert refused.value.code == code
    assert state() == BEFORE


def test_tags_are_merged_and_segments_follow(tags):
    vip, vips = tags
    segment = segment_of(vips)
    # when the second is merged into the first
    moved = merge_tags(tag=vips, into=vip, actor=SYSTEM)
    # then every customer has the first once
    assert moved == 1
    assert state() == [("Ada", "vip"), ("Bo", "vip"), ("Cy", "vip")]
    assert not Tag.objects.filter(pk=vips.pk).exists()
    segment.refresh_from_db()
    assert segment.rule["children"][0]["values"] == [str(vip.pk)]
    assert segment.version == 2


def test_a_tag_is_not_merged_into_itself(tags):
    with pytest.raises(Invalid) as refused:
        merge_tags(tag=tags[0], into=tags[0], actor=SYSTEM)
    assert refused.value.code == "same_tag"
    assert state() == BEFORE


def test_a_gone_tag_is_refused(tags):
    vip, vips = tags
    Tag.objects.filter(pk=vip.pk).update(name="x")
    delete_tag(tag=vips, actor=SYSTEM)
    with pytest.raises(Conflict) as refused:
        delete_tag(tag=vips, actor=SYSTEM)
    assert refused.value.code == "tag_gone"


def test_a_tag_is_deleted_with_its_customers_counted(tags):
    assert delete_tag(tag=tags[1], actor=SYSTEM) == 2
    assert state() == [("Ada", "vip"), ("Bo", "vip")]


def test_a_tag_that_a_segment_uses_is_not_deleted(tags):
    segment_of(tags[0])
    with pytest.raises(Conflict) as refused:
        delete_tag(tag=tags[0], actor=SYSTEM)
    assert refused.value.code == "tag_in_use"
    assert "Best customers" in str(refused.value.message)
    assert state() == BEFORE


def test_a_tag_that_a_journey_gives_keeps_its_name(tags):
    vip, vips = tags
    journey_with("vip")
    for change in (
        lambda: rename_tag(tag=vip, name="Other", actor=SYSTEM),
        lambda: merge_tags(tag=vip, into=vips, actor=SYSTEM),
        lambda: delete_tag(tag=vip, actor=SYSTEM),
    ):
        with pytest.raises(Conflict) as refused:
            change()
        assert (refused.value.code, "Welcome" in str(refused.value.message)) == ("tag_in_use", True)
    assert state() == BEFORE
    # another tag may still be merged into it
    merge_tags(tag=vips, into=vip, actor=SYSTEM)


def test_the_pages_name_the_customers(administrator, tags):
    vip, vips = tags
    assert "vip" in administrator.get(reverse("tags")).content.decode()
    page = administrator.get(reverse("tag", args=[vips.pk])).content.decode()
    assert "2 customers lose the tag “VIPs”." in page
    administrator.post(reverse("tag_rename", args=[vip.pk]), {"name": "Best"})
    said = administrator.post(reverse("tag_merge", args=[vips.pk]), {"into": vip.pk}, follow=True).content.decode()
    assert "“VIPs” is merged into “Best”; 1 customer got that tag." in said
    said = administrator.post(reverse("tag_delete", args=[vip.pk]), follow=True).content.decode()
    assert "“Best” is deleted; 3 customers had it." in said
    assert not Tag.objects.exists()


def field(**values) -> AttributeDefinition:
    return create_attribute(**{"code": "shoe", "label": "Shoe size", "type": "number", "actor": SYSTEM, **values})


def test_a_field_is_created_renamed_and_ordered(db):
    row = field(position=2)
    update_attribute(attribute=row, actor=SYSTEM, label="Size", position=1, member_writable=True)
    row.refresh_from_db()
    assert (row.code, row.label, row.type, row.position, row.member_writable) == ("shoe", "Size", "number", 1, True)


@pytest.mark.parametrize(
    ("values", "named", "code"),
    [
        ({"code": "Größe"}, "code", "invalid"),
        ({"code": ""}, "code", "invalid"),
        ({"code": "taken"}, "code", "code_taken"),
        ({"label": " "}, "label", "invalid"),
        ({"type": "money"}, "type", "invalid_choice"),
        ({"type": "choice"}, "choices", "no_choices"),
        ({"type": "choice", "choices": ["x" * 81]}, "choices", "invalid"),
        ({"position": -1}, "position", "invalid"),
        ({"colour": "red"}, "colour", "fixed"),
    ],
)
def test_a_wrong_field_is_refused(db, values, named, code):
    field(code="taken")
    with pytest.raises(Invalid) as refused:
        field(**values)
    assert (refused.value.field, refused.value.code) == (named, code)
    assert AttributeDefinition.objects.count() == 1


def test_the_type_changes_only_while_no_customer_has_a_value(make_customer):
    row = field()
    update_attribute(attribute=row, actor=SYSTEM, type="text")
    customer = make_customer()
    update_customer(customer=customer, changes={"attributes": {"shoe": "42"}}, actor=SYSTEM)
    with pytest.raises(Conflict) as refused:
        update_attribute(attribute=row, actor=SYSTEM, type="number", label="Other")
    assert (refused.value.code, refused.value.field) == ("type_in_use", "type")
    row.refresh_from_db()
    assert (row.type, row.label) == ("text", "Shoe size")


def test_an_option_that_a_customer_has_stays(make_customer):
    row = field(code="coffee", type="choice", choices=["Mild", "Strong"])
    update_customer(customer=make_customer(), changes={"attributes": {"coffee": "Strong"}}, actor=SYSTEM)
    update_attribute(attribute=row, actor=SYSTEM, choices=["Strong", "Very strong", "Strong"])
    row.refresh_from_db()
    assert row.choices == ["Strong", "Very strong"]
    with pytest.raises(Conflict) as refused:
        update_attribute(attribute=row, actor=SYSTEM, choices=["Mild"])
    assert refused.value.code == "choice_in_use"
    row.refresh_from_db()
    assert row.choices == ["Strong", "Very strong"]


def test_an_archived_field_keeps_values_and_takes_none(make_customer, administrator):
    row, customer = field(), make_customer()
    update_customer(customer=customer, changes={"attributes": {"shoe": 42}}, actor=SYSTEM)
    archive_attribute(attribute=row, actor=SYSTEM)
    with pytest.raises(Invalid):
        update_customer(customer=customer, changes={"attributes": {"shoe": 43}}, actor=SYSTEM)
    assert "Shoe size" not in administrator.get(reverse("customer", args=[customer.number])).content.decode()
    customer.refresh_from_db()
    assert customer.attributes == {"shoe": 42}
    restore_attribute(attribute=row, actor=SYSTEM)
    assert "Shoe size" in administrator.get(reverse("customer", args=[customer.number])).content.decode()


def test_the_pages_of_fields(administrator, make_customer):
    new = {"label": "Coffee", "code": "coffee", "type": "choice", "choices": "Mild\nStrong", "position": ""}
    administrator.post(reverse("attribute_new"), new)
    row = AttributeDefinition.objects.get()
    assert (row.code, row.choices, row.position) == ("coffee", ["Mild", "Strong"], 0)
    update_customer(customer=make_customer(), changes={"attributes": {"coffee": "Mild"}}, actor=SYSTEM)
    assert administrator.get(reverse("attributes")).context["rows"] == [(row, 1)]
    edit = reverse("attribute_edit", args=[row.pk])
    assert "1 customer has a value" in administrator.get(edit).content.decode()
    # the type is ignored, because customers have values
    administrator.post(edit, {**new, "label": "Taste", "type": "text"})
    row.refresh_from_db()
    assert (row.label, row.type) == ("Taste", "choice")
    administrator.post(reverse("attribute_archive", args=[row.pk]))
    row.refresh_from_db()
    assert row.archived_at
    administrator.post(reverse("attribute_archive", args=[row.pk]), {"restore": "yes"})
    row.refresh_from_db()
    assert row.archived_at is None
