"""Idempotency keys (L7): a repeat gets the first answer, another request 409, and a failed command frees its key."""

from __future__ import annotations

import pytest

from core.base.errors import IdempotencyConflict, IdempotencyKeyMissing
from core.db.idempotency import run_once
from core.db.models import IdempotencyRecord
from crm.customers.models import Tag
from tests.threads import storm


def make_tag(name: str):
    return lambda: {"tag": Tag.objects.create(name=name).name}


@pytest.mark.django_db
def test_the_same_key_and_request_gives_the_first_answer():
    first = run_once("s", "k", {"a": 1}, make_tag("one"))
    assert run_once("s", "k", {"a": 1}, make_tag("two")) == first == {"tag": "one"}
    assert list(Tag.objects.values_list("name", flat=True)) == ["one"]


@pytest.mark.django_db
def test_the_same_key_with_another_request_is_refused_and_changes_nothing():
    run_once("s", "k", {"a": 1}, make_tag("one"))
    with pytest.raises(IdempotencyConflict):
        run_once("s", "k", {"a": 2}, make_tag("two"))
    assert Tag.objects.count() == 1


@pytest.mark.django_db
def test_keys_of_two_scopes_never_collide():
    run_once("a", "k", {}, make_tag("one"))
    run_once("b", "k", {"other": True}, make_tag("two"))
    assert Tag.objects.count() == 2


@pytest.mark.django_db
def test_a_failed_command_leaves_its_key_free():
    def fail():
        Tag.objects.create(name="half")
        raise ValueError

    with pytest.raises(ValueError):
        run_once("s", "k", {}, fail)
    assert (Tag.objects.count(), IdempotencyRecord.objects.count()) == (0, 0)
    assert run_once("s", "k", {}, make_tag("whole")) == {"tag": "whole"}


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_key_has_1_to_200_characters(key):
    with pytest.raises(IdempotencyKeyMissing):
        run_once("s", key, {}, make_tag("one"))
    assert Tag.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_one_key_used_a_hundred_times_at_once_has_one_effect():
    """F9: duplicate requests at the same moment."""

    def call(_number):
        return [run_once("s", "k", {"a": 1}, make_tag("one"))["tag"] for _ in range(5)]

    answers = [answer for answers in storm(20, call) for answer in answers]
    assert answers == ["one"] * 100
    assert Tag.objects.count() == 1
