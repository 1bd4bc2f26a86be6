"""Tests of tasks, badges and the leaderboard through the storefront's API (P4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from core.base.actor import SYSTEM
from crm.customers.api.authentication import make_member_token
from loyalty.growth.models import TaskJoin
from loyalty.growth.services.badges import update_badge
from loyalty.growth.services.leaderboard import set_leaderboard_name
from loyalty.growth.services.progress import advance_tasks, ensure_growth_type
from loyalty.growth.services.tasks import Level, update_task
from loyalty.ledger.models import Account
from loyalty.ledger.services.granting import Grant, grant_points
from loyalty.program.models import Member
from loyalty.program.services.suspensions import suspend_member
from tests.loyalty.growth.samples import did

pytestmark = pytest.mark.django_db
SHANGHAI = ZoneInfo("Asia/Shanghai")


def path(member, rest: str) -> str:
    return f"/api/v1/members/{member.customer.number}/{rest}"


def error_of(response) -> tuple[int, str, str | None]:
    error = response.json()["errors"][0]
    return response.status_code, error["code"], error["attr"]


@pytest.fixture
def own():
    """Return own(member), which makes a client with that member's token."""

    def make(member) -> APIClient:
        client = APIClient()
        token = make_member_token(member.customer, source="storefront", seconds=60)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return client

    return make


def test_a_member_sees_the_progress_of_each_task(program, api, make_old_member, make_task, make_badge):
    # given a weekly task with a badge at its end, one share done this week
    member = make_old_member()
    badge = make_badge("Sharer", name_zh="分享达人")
    starts = timezone.now() - timedelta(days=40)
    make_task("activity", event_kind="share", period="week", code="share", name="Share", name_zh="分享",
              starts_at=starts, description="Tell a friend", icon="share",
              levels=[Level(1, points=5), Level(3, points=20, growth=10, badge=badge)])  # fmt: skip
    make_task("order", 100_00, code="later", starts_at=timezone.now() + timedelta(days=1), measure="amount")
    did(member, "share", timezone.now())
    advance_tasks(program=program, customer_ids=[member.customer_id])
    # when
    tasks = api.get(path(member, "tasks")).json()
    # then
    today = timezone.now().astimezone(SHANGHAI).date()
    monday = datetime.combine(today + timedelta(days=7 - today.weekday()), datetime.min.time(), SHANGHAI)
    [task] = tasks
    assert datetime.fromisoformat(task.pop("until")) == monday
    assert datetime.fromisoformat(task.pop("starts_at")) == starts
    assert task == {
        "code": "share", "name": "Share", "description": "Tell a friend", "icon": "share", "season": "",
        "measure": "times", "currency": None, "period": "week", "ends_at": None, "join": False, "joined": True,
        "count": 1, "level": 1, "completed": False, "next": {"level": 2, "goal": 3, "left": 2},
        "levels": [
            {"level": 1, "goal": 1, "points": 5, "growth": 0, "badge": None, "reached": True},
            {"level": 2, "goal": 3, "points": 20, "growth": 10, "badge": {"code": "sharer", "name": "Sharer"},
             "reached": False},
        ],
    }  # fmt: skip
    chinese = api.get(path(member, "tasks"), HTTP_ACCEPT_LANGUAGE="zh-hans").json()
    assert (chinese[0]["name"], chinese[0]["levels"][1]["badge"]["name"]) == ("分享", "分享达人")


def test_a_broken_run_of_days_shows_0_and_keeps_its_levels(program, api, make_old_member, make_task):
    member = make_old_member()
    make_task("activity", 2, 5, event_kind="checkin", measure="days")
    did(member, "checkin", 6, 5, 4)
    advance_tasks(program=program, customer_ids=[member.customer_id])
    [task] = api.get(path(member, "tasks")).json()
    assert (task["count"], task["level"], task["next"]) == (0, 1, {"level": 2, "goal": 5, "left": 5})


def test_queries_do_not_grow_with_the_number_of_tasks(program, api, make_old_member, make_task):
    member = make_old_member()

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert api.get(path(member, "tasks")).status_code == 200
        return len(seen)

    make_task("order", 1)
    queries()
    few = queries()
    for _ in range(4):
        make_task("order", 1, join=True)
    assert queries() == few


def test_a_member_joins_and_leaves_with_their_own_token(own, make_old_member, make_task):
    member, task = make_old_member(), make_task("order", 1, join=True, code="race")
    client = own(member)
    assert client.get(path(member, "tasks")).json()[0]["joined"] is False
    for _twice in range(2):
        joined = client.post(path(member, "tasks/race/join"))
        assert (joined.status_code, joined.json()["joined"]) == (200, True)
    assert TaskJoin.objects.filter(task=task, member=member).count() == 1
    for _twice in range(2):
        left = client.post(path(member, "tasks/race/leave"))
        assert (left.status_code, left.json()["joined"]) == (200, False)
    assert TaskJoin.objects.count() == 0


def test_joining_is_refused_with_a_reason_and_changes_nothing(api, own, make_old_member, make_task):
    member, other = make_old_member(), make_old_member()
    make_task("order", 1, code="everyone")
    make_task("order", 1, code="over", join=True, ends_at=timezone.now() - timedelta(days=1))
    off = make_task("order", 1, code="off", join=True)
    update_task(task=off, active=False, actor=SYSTEM)
    race = make_task("order", 1, code="race", join=True)

    def join(code: str, client=api, who=member):
        return error_of(client.post(path(who, f"tasks/{code}/join")))

    assert join("everyone") == (422, "task_needs_no_joining", None)
    assert join("over") == (422, "task_not_running", None)
    assert join("off") == join("nothing") == (404, "unknown_task", None)
    assert join("race", own(other)) == (404, "unknown_customer", None)
    suspend_member(member=other, reason="fraud", actor=SYSTEM)
    assert join("race", who=other) == (422, "member_not_active", None)
    assert TaskJoin.objects.filter(task=race).count() == 0


def test_badges_list_awarded_ones_and_then_available_ones(program, api, make_old_member, make_task, make_badge):
    member = make_old_member()
    first, second, gone = make_badge("First", position=2), make_badge("Second", position=1), make_badge("Gone")
    make_task("activity", levels=[Level(1, badge=first)], event_kind="share")
    did(member, "share", 1)
    advance_tasks(program=program, customer_ids=[member.customer_id])
    for badge in (first, gone):
        update_badge(badge=badge, active=False, actor=SYSTEM)
    rows = api.get(path(member, "badges")).json()
    assert [(row["code"], row["awarded_at"] is not None) for row in rows] == [(first.code, True), (second.code, False)]
    assert rows[1] == {"code": "second", "name": "Second", "description": "", "icon": "award", "awarded_at": None}


# The leaderboard


@pytest.fixture
def earn(program):
    """Return earn(member, points, days ago), which gives points or growth value."""
    growth = ensure_growth_type(program)

    def give(member, points: int, days_ago: float = 0, *, kind: str = "points") -> None:
        account = Account.objects.get(
            member=member, **({"point_type": growth} if kind == "growth" else {"point_type__spendable": True})
        )
        with transaction.atomic():
            grant_points(
                program=program, grants=[Grant(account.pk, points, "x", timezone.now() - timedelta(days=days_ago))]
            )
        cache.clear()

    return give


@pytest.fixture
def board(make_old_member):
    """Return board("Ann", "Bo"), which makes members on the leaderboard under these names."""

    def make(*names: str) -> list[Member]:
        return [set_leaderboard_name(member=make_old_member(f"Real {name}"), name=name, actor=SYSTEM) for name in names]

    return make


def places(answer) -> list[tuple[int, str, int]]:
    return [(row["rank"], row["name"], row["points"]) for row in answer.json()["places"]]


def test_ties_share_a_rank_and_only_members_with_a_chosen_name_are_listed(api, board, make_old_member, earn):
    # given four members with names, one of them without points, and a top earner who chose no name
    fox, owl, bee, _ant = board("Fox", "Owl", "Bee", "Ant")
    hidden = make_old_member("Hidden Person")
    for member, points in ((fox, 30), (owl, 50), (bee, 50), (hidden, 900)):
        earn(member, points)
    # when
    answer = api.get("/api/v1/leaderboard")
    # then
    assert places(answer) == [(1, "Owl", 50), (1, "Bee", 50), (3, "Fox", 30)]
    assert answer.json()["own"] is None
    text = answer.content.decode()
    assert "Real" not in text
    assert "Hidden" not in text
    assert not any(number in text for number in Member.objects.values_list("customer__number", flat=True))


def test_a_member_sees_their_own_place_and_a_key_the_named_members_place(api, own, board, make_old_member, earn):
    fox, owl, ant = board("Fox", "Owl", "Ant")
    earn(fox, 30), earn(owl, 50)
    mine = own(fox).get("/api/v1/leaderboard").json()
    assert mine["own"] == {"rank": 2, "name": "Fox", "points": 30, "own": True}
    assert [row["own"] for row in mine["places"]] == [False, True]
    assert own(ant).get("/api/v1/leaderboard").json()["own"] == {"rank": None, "name": "Ant", "points": 0, "own": True}
    assert own(make_old_member()).get("/api/v1/leaderboard").json()["own"] is None
    named = api.get("/api/v1/leaderboard", {"member": owl.customer.number}).json()
    assert named["own"]["rank"] == 1
    assert error_of(own(fox).get("/api/v1/leaderboard", {"member": owl.customer.number})) == (
        404,
        "unknown_customer",
        None,
    )


def test_the_own_rank_is_returned_beyond_the_first_hundred(own, program, board, earn, monkeypatch):
    from loyalty.growth.selectors import leaderboard

    monkeypatch.setattr(leaderboard, "TOP", 2)
    members = board("A", "B", "C", "D", "E")
    for member, points in zip(members, (50, 40, 30, 30, 10), strict=True):
        earn(member, points)
    answer = own(members[3]).get("/api/v1/leaderboard")
    assert places(answer) == [(1, "A", 50), (2, "B", 40)]
    assert answer.json()["own"] == {"rank": 3, "name": "D", "points": 30, "own": True}
    assert own(members[4]).get("/api/v1/leaderboard").json()["own"]["rank"] == 5


def test_growth_value_and_points_have_separate_boards_for_each_window(api, board, earn, make_task):
    [fox] = board("Fox")
    now = timezone.now()
    make_task("order", 1, season="Autumn", starts_at=now - timedelta(days=35), ends_at=now + timedelta(days=2))
    earn(fox, 7, kind="growth"), earn(fox, 5), earn(fox, 100, 33), earn(fox, 1000, 50)

    def found(**query) -> list[tuple[int, str, int]]:
        return places(api.get("/api/v1/leaderboard", query))

    assert found(by="growth", window="week") == [(1, "Fox", 7)]
    assert found(by="points", window="week") == [(1, "Fox", 5)]
    assert found(by="points", window="month") == [(1, "Fox", 5)]
    assert found(by="points", window="season") == found(window="season", season="Autumn") == [(1, "Fox", 105)]
    seasonal = api.get("/api/v1/leaderboard", {"window": "season"}).json()
    assert (seasonal["season"], seasonal["window"]) == ("Autumn", "season")
    assert error_of(api.get("/api/v1/leaderboard", {"window": "season", "season": "Spring"})) == (
        404,
        "no_season",
        "season",
    )
    assert error_of(api.get("/api/v1/leaderboard", {"by": "luck"}))[:2] == (400, "invalid_choice")


def test_points_taken_back_by_a_refund_do_not_count(api, program, board, make_order, settle):
    from crm.orders.services.refunds import record_refund

    [fox] = board("Fox")
    order = make_order(fox.customer, 100_00)
    settle()
    record_refund(order_number=order.number, number="R", source=order.source, amount=40_00, actor=SYSTEM)
    settle()
    assert places(api.get("/api/v1/leaderboard")) == [(1, "Fox", 60)]


def test_figures_are_cached_but_a_removed_name_disappears_at_once(api, board, program, earn):
    fox, owl = board("Fox", "Owl")
    earn(fox, 30), earn(owl, 20)
    assert places(api.get("/api/v1/leaderboard")) == [(1, "Fox", 30), (2, "Owl", 20)]
    # when more is earned without clearing the cache, one member leaves and the other changes the name
    with transaction.atomic():
        account = Account.objects.get(member=owl, point_type__spendable=True)
        grant_points(program=program, grants=[Grant(account.pk, 90, "x", timezone.now())])
    set_leaderboard_name(member=fox, name="", actor=SYSTEM)
    set_leaderboard_name(member=owl, name="Barn owl", actor=SYSTEM)
    # then
    with CaptureQueriesContext(connection) as seen:
        assert places(api.get("/api/v1/leaderboard")) == [(2, "Barn owl", 20)]
    assert not any("loyalty_entry" in query["sql"] for query in seen)


def test_a_leaderboard_name_is_chosen_changed_and_removed(own, make_old_member):
    member = make_old_member("Anna Berg")
    client = own(member)

    def put(name):
        return client.put(path(member, "leaderboard-name"), {"name": name}, format="json")

    def stored_name() -> str:
        return Member.objects.get(pk=member.pk).leaderboard_name

    assert put("  小熊   Bear ").json() == {"name": "小熊 Bear"}
    assert stored_name() == "小熊 Bear"
    assert error_of(put("a" * 41))[:2] == (400, "max_length")
    assert error_of(put("anna@example.com")) == (400, "contact", "name")
    assert error_of(put("call 138-0013-8000")) == (400, "contact", "name")
    assert error_of(put("a\u202eb")) == (400, "not_printable", "name")
    assert stored_name() == "小熊 Bear"
    assert put("").json() == {"name": ""}
    assert stored_name() == ""
    others = make_old_member()
    refused = client.put(path(others, "leaderboard-name"), {"name": "x"}, format="json")
    assert error_of(refused) == (404, "unknown_customer", None)


def test_webhooks_report_levels_completed_tasks_and_badges(program, make_old_member, make_task, make_badge):
    from core.webhooks.registry import PUBLIC
    from tests.loyalty.growth.samples import events_of

    member = make_old_member()
    make_task(
        "activity", levels=[Level(1, points=5), Level(2, badge=make_badge("Sharer"))], event_kind="share", code="share"
    )
    did(member, "share", 2, 1)
    advance_tasks(program=program, customer_ids=[member.customer_id])
    number = member.customer.number
    levels = events_of("loyalty.task_level_reached")
    payloads = [{"customer": number, "task": "share", "level": level, "points": points, "growth": 0,
                 "period": "1970-01-01"}
                for level, points in ((1, 5), (2, 0))]  # fmt: skip
    assert PUBLIC["task.level_reached"].build(levels) == payloads
    assert PUBLIC["task.completed"].build(levels) == [None, payloads[1]]
    assert PUBLIC["badge.awarded"].build(events_of("loyalty.badge_awarded")) == [
        {"customer": number, "badge": "sharer"}
    ]
