"""Tests of the pages of tasks, badges and the leaderboard."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone, translation

from core.base.actor import SYSTEM
from core.security.roles import Role
from loyalty.growth.models import Badge, Task
from loyalty.growth.services.leaderboard import set_leaderboard_name
from loyalty.growth.services.progress import advance_tasks
from loyalty.growth.services.tasks import Level, join_task
from loyalty.program.models import Member
from tests.loyalty.growth.samples import did

pytestmark = pytest.mark.django_db


@pytest.fixture
def marketer(client, staff) -> Client:
    client.force_login(staff(Role.MARKETER))
    return client


def text_of(response) -> str:
    assert response.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def form(**changes) -> dict:
    return {"name": "Reviews", "icon": "star", "counts": "activity:review", "measure": "times", "period": "month",
            "goal_1": "1", "points_1": "20", "goal_2": "5", "growth_2": "30", **changes}  # fmt: skip


def test_a_task_is_created_with_its_levels(marketer, program, make_badge):
    badge = make_badge("Critic")
    answer = marketer.post("/tasks/new/", form(badge_2=badge.pk, name_zh="写评价", season="Autumn", position="3"))
    task = Task.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/tasks/{task.pk}/")
    assert (task.trigger, task.event_kind, task.measure, task.period) == ("activity", "review", "times", "month")
    assert (task.name_zh, task.season, task.position, task.icon, task.join) == ("写评价", "Autumn", 3, "star", False)
    assert list(task.levels.values_list("level", "goal", "points", "growth", "badge")) == [
        (1, 1, 20, 0, None),
        (2, 5, 0, 30, badge.pk),
    ]
    shown = text_of(marketer.get(answer["Location"]))
    assert "5 times" in shown
    assert "30 growth value · badge “Critic”" in shown


def test_goals_of_money_are_typed_in_whole_units(marketer, program):
    marketer.post("/tasks/new/", form(counts="order", measure="amount", goal_1="99.90", goal_2="500"))
    task = Task.objects.get()
    assert list(task.levels.values_list("goal", flat=True)) == [99_90, 500_00]
    page = marketer.get(f"/tasks/{task.pk}/edit/").content.decode()
    assert 'value="99.90"' in page
    # and saved unchanged, it stays
    marketer.post(f"/tasks/{task.pk}/edit/", form(goal_1="99.90", goal_2="500.00", name="Spend"))
    task.refresh_from_db()
    assert (task.name, list(task.levels.values_list("goal", flat=True))) == ("Spend", [99_90, 500_00])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"goal_1": ""}, "This field is required."),
        ({"goal_1": "1.5"}, "Use a whole number."),
        ({"goal_2": "1"}, "Each level&#x27;s goal must be above the one before."),
        ({"points_3": "5"}, "A level with rewards needs a goal."),
        ({"measure": "amount"}, "Only orders have an amount."),
        ({"measure": "days", "period": "day"}, "Days in a row can&#x27;t reset every day."),
        ({"counts": "activity:nonsense"}, "Select a valid choice."),
        ({"starts_at": "2026-02-02T00:00", "ends_at": "2026-02-01T00:00"}, "The end is before the start."),
    ],
)
def test_a_wrong_value_is_reported_at_its_field_and_nothing_is_saved(marketer, program, changes, said):
    answer = marketer.post("/tasks/new/", form(**changes))
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert Task.objects.count() == 0


def test_a_task_is_switched_off_and_on(marketer, make_task):
    task = make_task("order", 1)
    marketer.post(f"/tasks/{task.pk}/switch/")
    assert not Task.objects.get().active
    assert "Switched off" in text_of(marketer.get("/tasks/?state=over"))
    marketer.post(f"/tasks/{task.pk}/switch/", {"active": "on"})
    assert Task.objects.get().active


def test_the_list_and_the_funnel_show_the_members_on_each_level(marketer, program, make_old_member, make_task):
    # given four members: two with one share, one with three, one who only joined
    members = [make_old_member() for _ in range(4)]
    task = make_task(
        "activity", event_kind="share", name="Share", join=True, levels=[Level(1, points=5), Level(3, points=9)]
    )
    for member in members:
        join_task(member=member, task=task, actor=SYSTEM)
    for member, times in zip(members, (1, 1, 3, 0), strict=True):
        did(member, "share", *[timezone.now() + timedelta(microseconds=number) for number in range(times)])
    advance_tasks(program=program, customer_ids=[member.customer_id for member in members])
    # when, then
    assert "level 1: 2 level 2: 1" in text_of(marketer.get("/tasks/"))
    shown = text_of(marketer.get(f"/tasks/{task.pk}/"))
    assert "4 Members who joined" in shown or "Members who joined 4" in shown
    assert "1 1 time 5 points 3 100% 3" in shown
    assert "2 3 times 9 points 1 33% 1" in shown


def test_badges_are_created_changed_and_listed_with_their_holders(marketer, program, make_old_member, make_task):
    answer = marketer.post("/badges/new/", {"name": "Critic", "name_zh": "评论家", "icon": "pencil", "active": "on"})
    assert (answer.status_code, answer["Location"]) == (302, "/badges/")
    badge = Badge.objects.get()
    assert (badge.code, badge.name_zh, badge.icon, badge.active, badge.position) == (
        "critic",
        "评论家",
        "pencil",
        True,
        0,
    )
    member = make_old_member("Ann")
    make_task("activity", event_kind="share", name="Share", levels=[Level(1, badge=badge)])
    did(member, "share", 1)
    advance_tasks(program=program, customer_ids=[member.customer_id])
    assert "Critic Can be earned 1 Share · level 1" in text_of(marketer.get("/badges/"))
    assert "Ann" in text_of(marketer.get(f"/badges/{badge.pk}/edit/"))
    marketer.post(f"/badges/{badge.pk}/edit/", {"name": "Old critic", "icon": "pencil"})
    badge.refresh_from_db()
    assert (badge.name, badge.active) == ("Old critic", False)
    assert marketer.post("/badges/new/", {"name": "X", "icon": "nonsense"}).status_code == 200
    assert Badge.objects.count() == 1


def test_the_customer_page_shows_badges_and_started_tasks(
    client, staff, program, make_old_member, make_task, make_badge
):
    # given a member with a badge and a half-finished task, and one without either
    client.force_login(staff(Role.AGENT))
    member, bare = make_old_member(), make_old_member()
    assert "Tasks and badges" not in text_of(client.get(f"/customers/{member.customer.number}/?tab=membership"))
    make_task("activity", event_kind="share", name="Share", levels=[Level(1, badge=make_badge("Sharer")), Level(3)])
    did(member, "share", 2, 1)
    advance_tasks(program=program, customer_ids=[member.customer_id])
    # when, then
    shown = text_of(client.get(f"/customers/{member.customer.number}/?tab=membership"))
    assert "Sharer" in shown
    assert "2 of 3 for level 2" in shown
    assert "No task under way." in text_of(client.get(f"/customers/{bare.customer.number}/?tab=membership"))


def test_an_agent_sets_a_members_leaderboard_name(client, staff, make_old_member):
    client.force_login(staff(Role.AGENT))
    member = make_old_member()
    address = f"/loyalty/members/{member.customer.number}/leaderboard-name/"

    def stored_name() -> str:
        return Member.objects.get(pk=member.pk).leaderboard_name

    client.post(address, {"name": "Fox"})
    assert stored_name() == "Fox"
    client.post(address, {"name": "fox@example.com"})
    assert stored_name() == "Fox"
    client.post(address, {"name": ""})
    assert stored_name() == ""


def test_the_leaderboard_page_shows_chosen_names_only(marketer, program, make_old_member, make_task):
    fox, other = make_old_member("Real Name"), make_old_member("Hidden")
    assert "No members on the leaderboard yet" in text_of(marketer.get("/leaderboard/"))
    set_leaderboard_name(member=fox, name="Fox", actor=SYSTEM)
    make_task("activity", 1, event_kind="share")
    for member in (fox, other):
        did(member, "share", 1)
    advance_tasks(program=program, customer_ids=[fox.customer_id, other.customer_id])
    assert "1 Fox 10" in text_of(marketer.get("/leaderboard/?window=week"))
    shown = text_of(marketer.get("/leaderboard/?window=week"))
    assert "Real Name" not in shown
    assert "Hidden" not in shown
    assert "No season at present" in text_of(marketer.get("/leaderboard/?window=season"))
    assert text_of(marketer.get("/leaderboard/?window=nonsense&by=nonsense"))


@pytest.mark.parametrize(("language", "words"), [("en", "First review"), ("zh-hans", "首次评价")])
def test_references_are_shown_in_words(program, make_task, language, words):
    from core.events.bus import TYPES
    from loyalty.ledger.labels import reference_words

    make_task("activity", event_kind="review", code="first", name="First review", name_zh="首次评价")
    with translation.override(language):
        assert reference_words("task:first") == words
        assert TYPES["loyalty.points_earned"].describe({"points": 5, "reference": "task:first"}).endswith(f" · {words}")
        # references written by the shop and references to removed rows stay as they are
        assert [reference_words(text) for text in ("SO-1", "A:1", "task:gone", "")] == ["SO-1", "A:1", "task:gone", ""]
