"""Test that drafts may be unfinished, published versions are complete, and problems name their step."""

from __future__ import annotations

import pytest

from campaigns.journeys import rules
from campaigns.journeys.models import Journey, JourneyVersion
from campaigns.journeys.services.journeys import (
    create_journey,
    delete_draft,
    problems,
    publish_journey,
    resume_journey,
    save_draft,
    stop_journey,
)
from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid

API = {"kind": "api"}


def tag(own: str, **more) -> dict:
    return {"id": own, "kind": "tag", "action": "add", "tag": own, **more}


def nested(depth: int) -> list:
    steps = [tag("leaf")]
    for level in range(depth):
        steps = [{"id": f"b{level}", "kind": "branch", "rule": None, "arms": {"yes": steps, "no": []}}]
    return steps


def test_a_flow_joins_again_after_a_branch_and_ends():
    steps = [
        {"id": "b", "kind": "branch", "arms": {"yes": [tag("y1"), tag("y2")], "no": []}},
        tag("after"),
    ]
    ways = rules.flow(steps)
    assert ways["b", "yes"] == "y1"
    assert ways["y1", ""] == "y2"
    assert ways["y2", ""] == ways["b", "no"] == "after"
    assert ways["after", ""] == ""
    assert rules.follow(ways, "b", "anything else") == "after"
    assert rules.order(steps) == {"b": 0, "y1": 1, "y2": 2, "after": 3}


@pytest.mark.parametrize(
    ("steps", "step", "code"),
    [
        ("no list", "", "not_a_list"),
        ([{"id": "a"}], "", "not_a_step"),
        ([{"id": "A b", "kind": "tag"}], "", "wrong_id"),
        ([{"id": "entry", "kind": "tag"}], "", "wrong_id"),
        ([tag("a"), tag("a")], "a", "id_twice"),
        ([tag(f"s{n}") for n in range(101)], "s100", "too_many"),
        (nested(8), "b0", "too_deep"),
        ([{"id": "a", "kind": "branch", "arms": []}], "a", "not_a_list"),
    ],
)
def test_an_unusable_shape_is_refused(steps, step, code):
    with pytest.raises(rules.WrongShape) as caught:
        rules.check_shape(steps)
    assert (caught.value.step, caught.value.code) == (step, code)


def test_steps_are_inserted_removed_and_moved():
    steps = [tag("a"), {"id": "b", "kind": "branch", "arms": {"yes": [], "no": []}}]
    assert rules.insert(steps, tag("c"), after="b", arm="no")
    assert rules.insert(steps, tag("d"), after="c")
    assert rules.insert(steps, tag("e"))
    assert [step["id"] for step, _depth in rules.walk(steps)] == ["e", "a", "b", "c", "d"]
    assert not rules.insert(steps, tag("f"), after="nowhere")
    assert rules.move(steps, "d", -1)
    assert not rules.move(steps, "d", -1)
    assert rules.remove(steps, "c")["id"] == "c"
    assert rules.remove(steps, "c") is None
    assert [step["id"] for step, _depth in rules.walk(steps)] == ["e", "a", "b", "d"]
    assert rules.new_id([tag("s4"), tag("x")]) == "s5"


def test_a_split_gives_each_customer_one_fixed_arm_and_keeps_its_shares():
    arms = [("a", 70), ("b", 20), ("c", 10)]
    found = [rules.arm_of("salt", customer, arms) for customer in range(10_000)]
    assert found == [rules.arm_of("salt", customer, arms) for customer in range(10_000)]
    for code, weight in arms:
        assert abs(found.count(code) / 10_000 - weight / 100) < 0.015
    other = [rules.arm_of("other", customer, arms) for customer in range(10_000)]
    assert found != other, "another split sends them otherwise"


@pytest.mark.django_db
def test_each_problem_names_its_step_field_and_reason(store, template):
    draft = {
        "entry": {"kind": "event", "event": "no.such"},
        "goal": None,
        "exit": {"policy": "both"},
        "holdout": 95,
        "steps": [
            {"id": "s1", "kind": "wait", "amount": 0, "unit": "years"},
            {"id": "s2", "kind": "message", "template": "999", "note": "The invitation"},
            {"id": "s3", "kind": "branch", "rule": {"op": "and", "children": [
                {"condition": "order_count", "operator": "gte", "value": "many"}]}},
            {"id": "s4", "kind": "split", "split": [{"code": "a", "weight": 1}]},
            {"id": "s5", "kind": "goal"},
            {"id": "s6", "kind": "exit"},
            {"id": "s7", "kind": "webhook", "name": "x"},
            {"id": "s8", "kind": "nonsense"},
        ],
    }  # fmt: skip
    found = {(problem.step, problem.field) for problem in problems(draft)}
    assert found == {
        ("entry", "event"), ("exit", "goal"), ("exit", "policy"), ("entry", "holdout"), ("s1", "amount"),
        ("s1", "unit"), ("s2", "template"), ("s3", "rule.children.0.value"), ("s4", "split"), ("s5", "goal"),
        ("s7", ""), ("s7", "name"), ("s8", "kind"),
    }  # fmt: skip
    labels = {problem.step: problem.label for problem in problems(draft)}
    assert labels["s2"] == "The invitation"
    assert labels["s1"] == "Wait"
    journey = create_journey(name="Half", draft=draft, actor=SYSTEM)
    with pytest.raises(Invalid) as caught:
        publish_journey(journey=journey, actor=SYSTEM)
    assert caught.value.code == "journey_invalid"
    assert len(caught.value.details["problems"]) == len(problems(draft))
    journey.refresh_from_db()
    assert (journey.state, journey.version) == ("draft", None), "nothing was published"


@pytest.mark.django_db
def test_an_exit_by_segment_needs_a_segment_and_an_empty_journey_a_step(store):
    found = problems({"entry": API, "exit": {"policy": "unmatched"}, "steps": []})
    assert {(problem.step, problem.field) for problem in found} == {("exit", "policy"), ("", "steps")}
    assert {(p.step, p.field) for p in problems({"steps": [tag("a")]})} == {("entry", "kind")}
    assert {(p.step, p.field) for p in problems({"entry": {"kind": "segment"}, "steps": [tag("a")]})} == {
        ("entry", "segment")
    }


@pytest.mark.django_db
def test_a_removed_path_keeps_its_steps_until_they_are_moved(store):
    split = {
        "id": "s1", "kind": "split", "split": [{"code": "a", "weight": 1}, {"code": "b", "weight": 1}],
        "arms": {"a": [], "b": [], "c": [tag("lost")]},
    }  # fmt: skip
    journey = create_journey(name="J", draft={"entry": API, "steps": [split]}, actor=SYSTEM)
    assert journey.draft["steps"][0]["arms"]["c"][0]["id"] == "lost"
    assert [(p.step, p.field) for p in problems(journey.draft)] == [("s1", "arms")]


@pytest.mark.django_db
def test_publishing_without_changes_is_refused_and_a_stopped_journey_may_start_again(make_journey):
    journey = make_journey([tag("a")])
    with pytest.raises(Conflict, match="is already published"):
        publish_journey(journey=journey, actor=SYSTEM)
    with pytest.raises(Conflict, match="history is kept"):
        delete_draft(journey=journey, actor=SYSTEM)
    stop_journey(journey=journey, actor=SYSTEM)
    with pytest.raises(Conflict, match="Only a paused"):
        resume_journey(journey=journey, actor=SYSTEM)
    assert publish_journey(journey=journey, actor=SYSTEM).number == 2
    assert Journey.objects.get(pk=journey.pk).state == "running"
    assert JourneyVersion.objects.count() == 2


@pytest.mark.django_db
def test_names_are_unique_and_drafts_can_be_deleted(store):
    first = create_journey(name="  Welcome   home ", actor=SYSTEM)
    assert first.name == "Welcome home"
    with pytest.raises(Invalid) as caught:
        create_journey(name="Welcome home", actor=SYSTEM)
    assert (caught.value.field, caught.value.code) == ("name", "name_taken")
    second = create_journey(name="Other", actor=SYSTEM)
    with pytest.raises(Invalid):
        save_draft(journey=second, name="Welcome home", actor=SYSTEM)
    with pytest.raises(Conflict):
        stop_journey(journey=first, actor=SYSTEM)
    delete_draft(journey=first, actor=SYSTEM)
    assert list(Journey.objects.values_list("name", flat=True)) == ["Other"]
