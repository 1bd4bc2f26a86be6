"""Tests of rewards in the console: creating, filling pools, sending, cancelling, permissions (P3, P4)."""

from __future__ import annotations

import base64
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core.base.actor import SYSTEM
from core.events.models import DomainEvent
from core.security.roles import Role
from loyalty.ledger.models import Hold
from loyalty.rewards.models import Reward, RewardCategory, RewardCode, RewardRedemption
from loyalty.rewards.services.redemptions import redeem_reward, ship_redemption
from tests.loyalty.rewards.samples import ADDRESS, points_of, stock_of

pytestmark = pytest.mark.django_db
# Pictures of one pixel each.
GIF = base64.b64decode("R0lGODlhAQABAAAAACwAAAAAAQABAAACAkwBADs=")
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgBAAAAwACS/Xd6gAAAABJRU5ErkJggg==")
FIELDS = {"kind": "gift", "name": "Mug", "points": "300", "stock": "5", "member_limit": "2", "position": "0"}


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def marketer(client, staff):
    client.force_login(staff(Role.MARKETER, "marketer"))
    return client


@pytest.fixture
def agent(client, staff):
    client.force_login(staff(Role.AGENT, "agent"))
    return client


@pytest.fixture
def placed(member, make_reward) -> RewardRedemption:
    reward = make_reward("gift", 300, name="Mug", stock=5)
    answer = redeem_reward(member=member, reward=reward, key="k", actor=SYSTEM, address=ADDRESS)
    return RewardRedemption.objects.select_related("reward").get(pk=answer["redemption"])


def text(response) -> str:
    return response.content.decode()


def make(client, **changes):
    data = {name: value for name, value in {**FIELDS, **changes}.items() if value is not None}
    return client.post(reverse("reward_new"), data, follow=True)


def test_a_reward_is_created_with_its_picture(marketer, program, client):
    category = RewardCategory.objects.create(program=program, code="home", name="Home")
    page = make(
        marketer,
        category=category.pk,
        money="9.90",
        limit_gold="4",
        picture=SimpleUploadedFile("evil.html", PNG, "text/html"),
    )
    reward = Reward.objects.get()
    assert (reward.code, reward.points, reward.money, reward.stock, reward.member_limit) == ("mug", 300, 990, 5, 2)
    assert (reward.category, reward.settings) == (category, {"tier_limits": {"gold": 4}})
    assert reward.picture.name.endswith(".png")
    assert "300 points + ¥9.90" in text(page)
    client.logout()
    picture = client.get(reverse("reward_picture", args=[reward.picture.name.rpartition("/")[2]]))
    assert (picture.status_code, picture["Content-Type"], b"".join(picture.streaming_content)) == (
        200,
        "image/png",
        PNG,
    )
    assert client.get(reverse("reward_picture", args=["other.png"])).status_code == 404


def test_a_picture_is_changed_and_removed(marketer, program, django_capture_on_commit_callbacks):
    make(marketer, picture=SimpleUploadedFile("a.png", PNG))
    reward = Reward.objects.get()
    storage, first = reward.picture.storage, reward.picture.name
    edit = reverse("reward_edit", args=[reward.pk])
    with django_capture_on_commit_callbacks(execute=True):
        marketer.post(edit, {**FIELDS, "picture": SimpleUploadedFile("b.gif", GIF)})
    reward.refresh_from_db()
    second = reward.picture.name
    assert (second.endswith(".gif"), storage.exists(first), storage.exists(second)) == (True, False, True)
    with django_capture_on_commit_callbacks(execute=True):
        marketer.post(edit, {**FIELDS, "remove_picture": "on"})
    reward.refresh_from_db()
    assert (reward.picture.name, storage.exists(second)) == ("", False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"points": "0"}, "greater than or equal to 1"),
        ({"name": ""}, "This field is required"),
        ({"picture": SimpleUploadedFile("a.svg", b"<svg onload='x'>")}, "Use a PNG, JPEG, WebP or GIF picture."),
        ({"picture": SimpleUploadedFile("a.png", PNG + b"\0" * (3 * 1024 * 1024))}, "at most 3 MB"),
        ({"kind": "privilege"}, "This field is required"),
        ({"starts_at": "2030-01-02T00:00", "ends_at": "2030-01-01T00:00"}, "The end is before the start."),
    ],
)
def test_a_wrong_reward_is_shown_again_and_not_created(marketer, program, changes, message):
    assert message in text(make(marketer, **changes))
    assert not Reward.objects.exists()


def test_a_kind_shows_its_fields(marketer, program):
    part = marketer.post(
        reverse("reward_new"), {**FIELDS, "kind": "privilege", "do": "look"}, headers={"HX-Request": "true"}
    )
    assert 'name="setting_how"' in text(part)
    assert "<h1" not in text(part)
    page = make(marketer, kind="privilege", setting_how="Show this", name="Alteration")
    assert "Show this" in text(page)
    assert Reward.objects.get().settings == {"how": "Show this"}


def test_editing_counts_sales_since_the_form_was_opened(marketer, placed):
    edit = reverse("reward_edit", args=[placed.reward_id])
    page = text(marketer.get(edit))
    assert 'name="stock_seen" value="4"' in page
    marketer.post(edit, {**FIELDS, "stock": "14", "stock_seen": "5"})
    assert stock_of(placed.reward) == 13
    refused = text(marketer.post(edit, {**FIELDS, "stock": "0", "stock_seen": "20"}))
    assert "Members have redeemed more than that in the meantime: 13 are left." in refused
    assert stock_of(placed.reward) == 13


def test_a_pool_is_filled_and_refused_codes_are_shown(marketer, make_reward):
    reward = make_reward("voucher", name="Credit", codes="A1")
    file = SimpleUploadedFile("codes.csv", b"code\nA1\nB2\nC3\nC3\n")
    page = text(marketer.post(reverse("reward_codes", args=[reward.pk]), {"file": file}))
    assert "2 codes added." in page
    assert "2 refused because they were there already:" in page
    assert '<li class="code">A1</li>' in page
    assert RewardCode.objects.count() == 3
    typed = text(marketer.post(reverse("reward_codes", args=[reward.pk]), {"codes": "D4\r\nE5"}))
    assert "2 codes added." in typed
    empty = marketer.post(reverse("reward_codes", args=[reward.pk]), {"codes": " "}, follow=True)
    assert "The file has no codes." in text(empty)
    assert RewardCode.objects.count() == 5


def test_the_list_shows_stock_codes_and_redemptions(marketer, placed, make_reward):
    make_reward("voucher", name="Credit", codes="A1\nB2")
    make_reward("donation", name="Gone by", active=False)
    page = text(marketer.get(reverse("rewards")))
    row = page[page.index(">Mug<") :].split("</tr>")[0]
    assert [cell.strip() for cell in ("4", "1") if cell in row] == ["4", "1"]
    assert "Credit" in page
    assert "Gone by" not in page
    assert "Gone by" in text(marketer.get(reverse("rewards") + "?state=over"))


def test_switching_off_and_on(marketer, placed):
    switch = reverse("reward_switch", args=[placed.reward_id])
    assert "is switched off" in text(marketer.post(switch, follow=True))
    assert not Reward.objects.get().active
    marketer.post(switch, {"active": "on"})
    assert Reward.objects.get().active


def test_an_agent_sends_a_gift(agent, placed, member):
    page = text(agent.get(reverse("redemptions")))
    assert "Mug" in page
    assert "Anna Berg" in page
    agent.post(reverse("redemption_ship", args=[placed.pk]), {"tracking": "SF123"})
    placed.refresh_from_db()
    assert (placed.state, placed.tracking, points_of(member)) == ("shipped", "SF123", (700, 0))
    assert "Nothing to send" in text(agent.get(reverse("redemptions")))
    assert "SF123" in text(agent.get(reverse("redemptions") + "?state=shipped"))
    assert "SF123" in text(agent.get(reverse("redemptions") + "?state=all"))


def test_the_address_is_behind_a_button_and_each_view_is_recorded(agent, placed, member):
    show, look = reverse("redemption", args=[placed.pk]), reverse("redemption_address", args=[placed.pk])
    assert "Nanjing Road" not in text(agent.get(show))
    assert agent.get(look).status_code == 405
    assert "Nanjing Road 1" in text(agent.post(look))
    event = DomainEvent.objects.get(kind="loyalty.reward_address_seen")
    assert event.subject_id == member.customer_id
    assert event.actor.startswith("user:")


def test_views_of_addresses_and_changed_rewards_are_in_the_audit_log(client, staff, placed):
    client.force_login(staff(Role.LEAD, "lead"))
    client.post(reverse("redemption_address", args=[placed.pk]))
    client.post(reverse("reward_switch", args=[placed.reward_id]))
    page = text(client.get(reverse("audit")))
    assert "Address of a gift shown in full" in page
    assert reverse("reward", args=[placed.reward_id]) in page


def test_a_redemption_is_cancelled_with_a_reason(agent, placed, member):
    cancel = reverse("redemption_cancel", args=[placed.pk])
    refused = agent.post(cancel, {"reason": " "}, follow=True, headers={"Referer": "http://testserver/redemptions/"})
    assert "Give a reason." in text(refused)
    assert points_of(member) == (700, 300)
    page = agent.post(cancel, {"reason": "Sold out at the supplier"}, follow=True)
    assert "is cancelled; the points were returned." in text(page)
    placed.refresh_from_db()
    assert (placed.state, placed.outcome["reason"]) == ("cancelled", "Sold out at the supplier")
    assert (points_of(member), stock_of(placed.reward)) == ((1_000, 0), 5)


def test_a_sent_gift_can_no_longer_be_cancelled(agent, placed, member):
    ship_redemption(redemption=placed, tracking="", actor=SYSTEM)
    assert "Cancel the redemption" not in text(agent.get(reverse("redemption", args=[placed.pk])))
    page = agent.post(reverse("redemption_cancel", args=[placed.pk]), {"reason": "x"}, follow=True)
    assert "toast-error" in text(page)
    assert points_of(member) == (700, 0)


def test_a_failure_is_visible(agent, placed):
    from loyalty.rewards.services.redemptions import sweep_redemptions

    Hold.objects.update(expires_at=timezone.now())
    sweep_redemptions()
    error = "It was not sent before the held points expired."
    assert error in text(agent.get(reverse("redemption", args=[placed.pk])))
    assert error in text(agent.get(reverse("redemptions") + "?state=failed"))


def test_the_customer_page_lists_redeemed_rewards(agent, placed, member):
    page = text(agent.get(reverse("customer", args=[member.customer.number]), {"tab": "points"}))
    panel = page[page.index('id="panel-loyalty"') :].split("</section>")[0]
    assert "Redeemed rewards" in panel
    assert reverse("redemption", args=[placed.pk]) in panel
    assert "Being prepared" in panel


def test_the_home_page_shows_rewards_to_send_and_pools_that_run_low(client, staff, placed, make_reward):
    make_reward("voucher", name="Credit", codes="A1")
    client.force_login(staff(Role.LEAD))
    page = text(client.get("/"))
    assert "Rewards to send" in page
    assert "Rewards low on codes" in page
    Hold.objects.update(expires_at=timezone.now())
    assert "1 expire within 2 days" in text(client.get("/"))


def test_pages_without_a_program_say_what_to_do(client, staff, db):
    client.force_login(staff(Role.MARKETER))
    assert "No rewards yet" in text(client.get(reverse("rewards")))
    assert client.get(reverse("reward_new")).status_code == 404


@pytest.mark.parametrize(
    ("role", "edits", "handles"),
    [
        (Role.AGENT, False, True),
        (Role.LEAD, True, True),
        (Role.MARKETER, True, False),
        (Role.ANALYST, False, False),
        (Role.ADMINISTRATOR, True, True),
    ],
)
def test_marketers_create_rewards_service_sends_them_and_analysts_read(
    role, edits, handles, client, staff, placed, member
):
    client.force_login(staff(role))
    refused = {True: (200, 302), False: (403,)}
    assert client.get(reverse("rewards")).status_code == 200
    assert ("Edit" in text(client.get(reverse("reward", args=[placed.reward_id])))) == edits
    assert ("Show the address" in text(client.get(reverse("redemption", args=[placed.pk])))) == handles
    assert client.get(reverse("reward_edit", args=[placed.reward_id])).status_code in refused[edits]
    assert client.post(reverse("redemption_address", args=[placed.pk])).status_code in refused[handles]
    assert client.post(reverse("redemption_ship", args=[placed.pk]), {}).status_code in refused[handles]
    assert points_of(member) == ((700, 0) if handles else (700, 300))


@pytest.mark.parametrize("name", ["rewards", "redemptions"])
def test_queries_of_lists_do_not_grow_with_their_length(agent, make_member, make_reward, name):
    def fill(count: int) -> int:
        for _ in range(count):
            reward = make_reward("gift", 10, name=f"Gift {uuid.uuid4().hex}")
            redeem_reward(member=make_member(100), reward=reward, key=reward.code, actor=SYSTEM, address=ADDRESS)
        with CaptureQueriesContext(connection) as queries:
            assert agent.get(reverse(name)).status_code == 200
        return len(queries)

    fill(1)
    assert fill(1) == fill(8)
