"""Settings of the categories of rewards."""

from __future__ import annotations

import pytest
from django.urls import reverse

from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid
from core.security.roles import Role
from loyalty.rewards.models import RewardCategory
from loyalty.rewards.services.categories import create_category, delete_category, update_category

pytestmark = pytest.mark.django_db


def rows() -> list[tuple[str, str, int]]:
    return list(RewardCategory.objects.values_list("name", "name_zh", "position"))


def test_categories_are_created_renamed_and_ordered(program):
    first = create_category(program=program, name="Gifts", name_zh="礼品", position=2, actor=SYSTEM)
    create_category(program=program, name="Vouchers", actor=SYSTEM)
    update_category(category=first, name="Presents", actor=SYSTEM)
    assert rows() == [("Vouchers", "", 0), ("Presents", "礼品", 2)]
    assert RewardCategory.objects.get(pk=first.pk).code == "gifts"


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"name": "Gifts"}, "name", "name_taken"),
        ({"name": " "}, "name", "invalid"),
        ({"name": "A", "name_zh": "x" * 81}, "name_zh", "invalid"),
        ({"name": "A", "position": -1}, "position", "invalid"),
        ({"name": "A", "icon": "gift"}, "icon", "fixed"),
    ],
)
def test_wrong_values_are_refused(program, values, field, code):
    create_category(program=program, name="Gifts", actor=SYSTEM)
    with pytest.raises(Invalid) as refused:
        create_category(program=program, actor=SYSTEM, **values)
    assert (refused.value.field, refused.value.code) == (field, code)
    assert rows() == [("Gifts", "", 0)]


def test_a_category_with_rewards_is_not_deleted(program, make_reward):
    category = create_category(program=program, name="Gifts", actor=SYSTEM)
    reward = make_reward()
    type(reward).objects.filter(pk=reward.pk).update(category=category)
    with pytest.raises(Conflict) as refused:
        delete_category(category=category, actor=SYSTEM)
    assert refused.value.code == "category_in_use"
    assert rows() == [("Gifts", "", 0)]
    type(reward).objects.filter(pk=reward.pk).update(category=None)
    delete_category(category=category, actor=SYSTEM)
    assert rows() == []


def test_the_pages(client, staff, program):
    client.force_login(staff(Role.MARKETER))
    client.post(reverse("reward_category_new"), {"name": "Gifts", "name_zh": "礼品", "position": "3"})
    row = RewardCategory.objects.get()
    assert "Gifts" in client.get(reverse("reward_categories")).content.decode()
    client.post(reverse("reward_category_edit", args=[row.pk]), {"name": "Presents", "name_zh": "", "position": ""})
    assert rows() == [("Presents", "", 0)]
    client.post(reverse("reward_category_delete", args=[row.pk]))
    assert rows() == []
