"""Test the shop's own days, the chosen packs, and the page of the calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.urls import reverse
from django.utils import translation

from analytics.segments.services.segments import create_segment
from campaigns.broadcasts.models import Broadcast
from campaigns.broadcasts.services.broadcasts import create_broadcast, move_broadcast, schedule_broadcast
from campaigns.calendar import services
from campaigns.calendar.console import first_weekday
from campaigns.calendar.models import CalendarSettings, ShopDay
from campaigns.calendar.selectors import chosen_packs, is_occasion, occasion_days, occasion_names, occasions
from campaigns.calendar.services import add_shop_day, choose_packs, move_shop_day
from campaigns.coupons.services.coupons import create_coupon
from campaigns.journeys.services.journeys import create_journey, publish_journey, stop_journey
from campaigns.reports.console.calendar import EXPIRIES
from campaigns.reports.selectors.calendar import KINDS, entries_between
from campaigns.templates.services.templates import Text, save_template
from core.base import clock
from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid
from core.base.zones import shop_day
from core.console import kept
from core.security.roles import Role
from crm.customers.models import Store
from loyalty.program.models import Program

pytestmark = pytest.mark.django_db


@pytest.fixture
def template(store):
    return save_template(name="Offer", channel="inbox", texts=[Text("en", "Hi")], actor=SYSTEM)


@pytest.fixture
def segment(store):
    return create_segment(name="Everyone", rule={"op": "and", "children": []}, actor=SYSTEM)


@pytest.fixture
def make_broadcast(segment, template):
    def make(name: str, on: date, **fields) -> Broadcast:
        values = {"segment": segment, "template": template, "send_on": on, "send_time": time(10), **fields}
        return create_broadcast(name=name, actor=SYSTEM, **values)

    return make


def today() -> date:
    return shop_day(clock.now())


def chips(response) -> dict[date, list[tuple[str, str]]]:
    days = [day for week in response.context["weeks"] for day in week]
    return {day.on: [(chip.kind, chip.name) for chip in day.entries] for day in days if day.entries}


def month_of(client, month: str, **query: str):
    return client.get(reverse("calendar"), {"month": month, **query})


class TestShopDays:
    def test_own_days_are_listed_with_a_link_to_plan(self, client, staff, store):
        client.force_login(staff(Role.MARKETER))
        address = reverse("calendar")
        client.post(f"{address}?month=2030-09", {"name": "Founding day", "month": "8", "day": "15", "by_lunar": "on"})
        client.post(address, {"name": "Once", "month": "3", "day": "3", "year": "2031"})
        assert ShopDay.objects.count() == 2
        assert ("shop_day", "Founding day") in chips(month_of(client, "2030-09"))[date(2030, 9, 12)]
        assert ("festival", "Mid-Autumn Festival") in chips(month_of(client, "2030-09"))[date(2030, 9, 12)]
        assert ("shop_day", "Once") in chips(month_of(client, "2031-03"))[date(2031, 3, 3)]
        assert date(2030, 3, 3) not in chips(month_of(client, "2030-03"))
        assert "name=Spring+Festival+2030" in month_of(client, "2030-02").content.decode()
        planned = client.get(
            reverse("broadcast_new"), {"name": "Spring Festival 2030", "send_on": "2030-02-03", "send_time": "10:00"}
        )
        assert 'value="2030-02-03"' in planned.content.decode()
        client.post(reverse("calendar_remove", args=[ShopDay.objects.get(name="Once").pk]))
        assert ShopDay.objects.count() == 1

    def test_a_day_that_does_not_exist_is_refused(self, client, staff, store):
        for fields, name in (
            ({"month": 2, "day": 30}, "day"), ({"month": 13, "day": 1}, "month"),
            ({"month": 1, "day": 31, "by_lunar": True}, "day"), ({"month": 1, "day": 1, "year": 2051}, "year"),
        ):  # fmt: skip
            with pytest.raises(Invalid) as caught:
                add_shop_day(name="X", actor=SYSTEM, **fields)
            assert caught.value.field == name
        client.force_login(staff(Role.ANALYST))
        client.post(reverse("calendar"), {"name": "X", "month": "1", "day": "1"})
        assert not ShopDay.objects.exists()

    def test_a_solar_day_moves_to_the_date_every_year(self):
        # given a day every year on 3 March
        day = add_shop_day(name="Founding day", month=3, day=3, actor=SYSTEM)
        # when it is dragged to 9 March 2027
        moved = move_shop_day(shop_day=day, on=date(2027, 3, 9), actor=SYSTEM)
        # then it stays a day of every year
        assert (moved.month, moved.day, moved.year, moved.lunar) == (3, 9, None, False)

    def test_a_day_of_one_year_takes_the_year_and_a_lunar_day_the_lunar_date(self):
        once = add_shop_day(name="Once", month=12, day=30, year=2026, actor=SYSTEM)
        moved = move_shop_day(shop_day=once, on=date(2027, 1, 2), actor=SYSTEM)
        assert (moved.month, moved.day, moved.year) == (1, 2, 2027)
        lunar_day = add_shop_day(name="Lunar", month=8, day=15, by_lunar=True, actor=SYSTEM)
        # 26 September 2026 is the 16th of the eighth month
        moved = move_shop_day(shop_day=lunar_day, on=date(2026, 9, 26), actor=SYSTEM)
        assert (moved.month, moved.day, moved.lunar) == (8, 16, True)

    @pytest.mark.parametrize(("on", "code"), [(date(2025, 7, 30), "leap_month"), (date(2019, 5, 5), "out_of_range")])
    def test_a_lunar_day_does_not_move_into_a_leap_month_or_unknown_year(self, on, code):
        day = add_shop_day(name="Lunar", month=5, day=5, by_lunar=True, actor=SYSTEM)
        with pytest.raises(Invalid) as caught:
            move_shop_day(shop_day=day, on=on, actor=SYSTEM)
        assert (caught.value.code, caught.value.field) == (code, "on")
        day.refresh_from_db()
        assert (day.month, day.day) == (5, 5)


class TestPacks:
    def test_the_country_decides_until_the_shop_chooses(self, store):
        assert chosen_packs() == ("cn",)
        Store.objects.update(country="US")
        assert chosen_packs() == ("us",)
        choose_packs(packs=["us", "cn"], actor=SYSTEM)
        assert chosen_packs() == ("cn", "us")
        choose_packs(packs=[], actor=SYSTEM)
        assert chosen_packs() == ()
        choose_packs(packs=None, actor=SYSTEM)
        assert chosen_packs() == ("us",)

    def test_an_unknown_pack_is_refused(self, store):
        choose_packs(packs=["eu"], actor=SYSTEM)
        with pytest.raises(Invalid) as caught:
            services.choose_packs(packs=["eu", "mars"], actor=SYSTEM)
        assert (caught.value.code, caught.value.field) == ("invalid_choice", "packs")
        assert CalendarSettings.objects.get().packs == ["eu"]

    def test_the_settings_page_chooses(self, client, staff, store):
        client.force_login(staff(Role.MARKETER))
        address = reverse("calendar_settings")
        assert "Mainland China" in client.get(address).content.decode()
        client.post(address, {"packs": ["us", "eu"]})
        assert chosen_packs() == ("us", "eu")
        assert ("festival", "Black Friday") in chips(month_of(client, "2026-11"))[date(2026, 11, 27)]
        client.post(address, {"by_country": "on", "packs": ["us"]})
        assert CalendarSettings.objects.get().packs is None
        client.force_login(staff(Role.ANALYST))
        assert client.post(address, {"packs": ["us"]}).status_code == 403
        assert CalendarSettings.objects.get().packs is None


class TestOccasions:
    def test_codes_name_festivals_own_days_and_the_member_day(self, program):
        day = add_shop_day(name="Founding day", month=3, day=3, actor=SYSTEM)
        assert ("member_day", "Member day") not in occasions()
        Program.objects.update(member_day_kind="day", member_day_number=8)
        choices = dict(occasions())
        assert choices["member_day"] == "Member day"
        assert choices[f"shop_day:{day.pk}"] == "Founding day"
        assert choices["festival:spring_festival"] == "Spring Festival"
        assert "festival:thanksgiving" not in choices, "the shop is in China"
        codes = ["festival:qixi", f"shop_day:{day.pk}", "shop_day:999", "member_day"]
        assert occasion_names(codes) == {
            "festival:qixi": "Qixi", f"shop_day:{day.pk}": "Founding day", "shop_day:999": "a removed day",
            "member_day": "Member day",
        }  # fmt: skip
        assert [is_occasion(code) for code in (*codes, "festival:x", "", "shop_day:", "other")] == [
            True, True, False, True, False, False, False, False,
        ]  # fmt: skip

    def test_days_have_a_key_that_a_move_within_the_year_keeps(self, program):
        year = date(2026, 1, 1), date(2026, 12, 31)
        assert [(one.key, one.on) for one in occasion_days("festival:spring_festival", *year)] == [
            ("festival:spring_festival:2026", date(2026, 2, 17))
        ]
        day = add_shop_day(name="Founding day", month=3, day=3, actor=SYSTEM)
        assert [one.key for one in occasion_days(f"shop_day:{day.pk}", *year)] == [f"shop_day:{day.pk}:2026"]
        move_shop_day(shop_day=day, on=date(2026, 4, 4), actor=SYSTEM)
        assert [(one.key, one.on) for one in occasion_days(f"shop_day:{day.pk}", *year)] == [
            (f"shop_day:{day.pk}:2026", date(2026, 4, 4))
        ]
        Program.objects.update(member_day_kind="weekday", member_day_number=2, member_day_weekday=5)
        days = occasion_days("member_day", date(2026, 1, 1), date(2026, 2, 28))
        assert [(one.key, one.on) for one in days] == [
            ("member_day:2026-01", date(2026, 1, 9)), ("member_day:2026-02", date(2026, 2, 13)),
        ]  # fmt: skip
        assert occasion_days("shop_day:999", *year) == occasion_days("nothing", *year) == []


class TestMoving:
    def test_a_scheduled_broadcast_moves_and_stays_scheduled(self, make_broadcast):
        # given a broadcast that is scheduled in ten days
        first = today() + timedelta(days=10)
        broadcast = schedule_broadcast(broadcast=make_broadcast("Sale", first), actor=SYSTEM)
        version = broadcast.template_version
        # when it moves two days on
        moved = move_broadcast(broadcast=broadcast, send_on=first + timedelta(days=2), actor=SYSTEM)
        # then its start moves with it
        moved.refresh_from_db()
        assert (moved.state, moved.send_on, moved.template_version) == (
            "scheduled", first + timedelta(days=2), version,
        )  # fmt: skip
        assert moved.starts_at - broadcast.starts_at == timedelta(days=2)

    def test_a_draft_moves_and_stays_a_draft(self, make_broadcast):
        draft = make_broadcast("Sale", today() + timedelta(days=3))
        moved = move_broadcast(broadcast=draft, send_on=today() + timedelta(days=4), actor=SYSTEM)
        assert (moved.state, moved.send_on, moved.starts_at) == ("draft", today() + timedelta(days=4), None)

    def test_the_past_a_started_broadcast_and_a_missing_time_are_refused(self, make_broadcast, segment, template):
        on = today() + timedelta(days=10)
        broadcast = schedule_broadcast(broadcast=make_broadcast("Sale", on), actor=SYSTEM)
        with pytest.raises(Invalid) as caught:
            move_broadcast(broadcast=broadcast, send_on=today() - timedelta(days=1), actor=SYSTEM)
        assert (caught.value.code, caught.value.field) == ("in_the_past", "send_on")
        Broadcast.objects.filter(pk=broadcast.pk).update(state="sending")
        with pytest.raises(Conflict) as conflict:
            move_broadcast(broadcast=broadcast, send_on=on + timedelta(days=1), actor=SYSTEM)
        assert conflict.value.code == "broadcast_state"
        broadcast.refresh_from_db()
        assert (broadcast.send_on, broadcast.state) == (on, "sending")
        untimed = create_broadcast(name="At once", segment=segment, template=template, actor=SYSTEM)
        with pytest.raises(Invalid) as caught:
            move_broadcast(broadcast=untimed, send_on=on, actor=SYSTEM)
        assert (caught.value.code, caught.value.field) == ("required", "send_time")
        untimed.refresh_from_db()
        assert untimed.send_on is None

    def test_a_scheduled_broadcast_does_not_move_behind_the_end_of_its_coupon(self, make_broadcast):
        on = today() + timedelta(days=3)
        gift = save_template(name="Gift", channel="inbox", texts=[Text("en", "{{ coupon.code }}")], actor=SYSTEM)
        coupon = create_coupon(
            name="Ten", kind="amount", value=1_000, currency="CNY", actor=SYSTEM,
            ends_at=clock.now() + timedelta(days=5), large_discount_confirmed=True,
        )  # fmt: skip
        broadcast = schedule_broadcast(broadcast=make_broadcast("Sale", on, coupon=coupon, template=gift), actor=SYSTEM)
        with pytest.raises(Conflict) as caught:
            move_broadcast(broadcast=broadcast, send_on=on + timedelta(days=7), actor=SYSTEM)
        assert caught.value.code == "coupon_over"
        broadcast.refresh_from_db()
        assert broadcast.send_on == on

    def test_the_page_moves_and_says_why_not(self, client, staff, make_broadcast):
        client.force_login(staff(Role.MARKETER))
        on = today() + timedelta(days=10)
        broadcast = make_broadcast("Sale", on)
        address = reverse("calendar_move_broadcast", args=[broadcast.pk])
        target = reverse("calendar") + "?month=2026-12"
        # without a script the page comes back
        answer = client.post(address, {"on": (on + timedelta(days=1)).isoformat(), "next": target})
        assert (answer.status_code, answer["Location"]) == (302, target)
        broadcast.refresh_from_db()
        assert broadcast.send_on == on + timedelta(days=1)
        # with one, a refusal is an answer with its reason
        refused = client.post(address, {"on": "2020-01-01"}, headers={"X-Stay": "yes"})
        assert refused.status_code == 422
        assert refused.json() == {"errors": [{"field": "send_on", "message": "This time is in the past."}]}
        wrong = client.post(address, {"on": "soon"}, headers={"X-Stay": "yes"})
        assert wrong.json()["errors"][0]["field"] == "on"
        broadcast.refresh_from_db()
        assert broadcast.send_on == on + timedelta(days=1)
        day = add_shop_day(name="Founding day", month=3, day=3, actor=SYSTEM)
        client.post(reverse("calendar_move_day", args=[day.pk]), {"on": "2026-04-05", "next": target})
        day.refresh_from_db()
        assert (day.month, day.day) == (4, 5)

    def test_an_analyst_sees_entries_and_moves_nothing(self, client, staff, make_broadcast):
        client.force_login(staff(Role.ANALYST))
        on = today() + timedelta(days=1)
        broadcast = make_broadcast("Sale", on)
        page = month_of(client, f"{on:%Y-%m}")
        assert ("broadcast", "Sale") in chips(page)[on]
        assert "data-move" not in page.content.decode()
        answer = client.post(reverse("calendar_move_broadcast", args=[broadcast.pk]), {"on": "2030-01-01"})
        assert answer.status_code == 403
        broadcast.refresh_from_db()
        assert broadcast.send_on == on


class TestPage:
    def test_it_starts_at_the_present_month_and_ignores_wrong_ones(self, client, staff, store):
        client.force_login(staff(Role.MARKETER))
        page = client.get(reverse("calendar"))
        assert page.context["is_current"]
        marked = [day.on for week in page.context["weeks"] for day in week if day.today]
        assert marked == [today()]
        for odd in ("1999-01", "9999-12", "x", "2026-13", "²⁰²⁶-01"):
            assert month_of(client, odd).status_code == 200
        assert month_of(client, "2050-12").context["after_url"] == ""
        assert month_of(client, "2021-01").context["before_url"] == ""

    @pytest.mark.parametrize(
        ("language", "country", "first"), [("en", "US", 6), ("en", "DE", 0), ("zh-hans", "US", 0), ("zh-hans", "CN", 0)]
    )
    def test_weeks_begin_by_language_and_country(self, store, language, country, first):
        Store.objects.update(country=country)
        with translation.override(language):
            assert first_weekday() == first

    def test_cells_show_the_lunar_day_in_chinese_only(self, client, staff, store):
        user = staff(Role.MARKETER)
        client.force_login(user)
        cells = {day.on: day.cell for week in month_of(client, "2026-02").context["weeks"] for day in week}
        assert cells[date(2026, 2, 17)] == ""
        user.language = "zh-hans"
        user.save()
        cells = {day.on: day.cell for week in month_of(client, "2026-02").context["weeks"] for day in week}
        assert [cells[date(2026, 2, number)] for number in (16, 17, 18, 27)] == ["廿九", "正月", "初二", "十一"]

    def test_kinds_are_hidden_by_the_address(self, client, staff, make_broadcast):
        client.force_login(staff(Role.MARKETER))
        make_broadcast("Sale", date(2030, 6, 18))
        shown = chips(month_of(client, "2030-06"))[date(2030, 6, 18)]
        assert shown == [("festival", "618 mid-year sale"), ("broadcast", "Sale")]
        assert chips(month_of(client, "2030-06", hide="festival"))[date(2030, 6, 18)] == [("broadcast", "Sale")]
        assert month_of(client, "2030-06", hide=",".join(KINDS)).context["strip"] == []

    def test_the_strip_lists_five_weeks_from_today(self, client, staff, make_broadcast):
        client.force_login(staff(Role.MARKETER))
        for name, offset in (("Last day", 34), ("Too late", 35)):
            make_broadcast(name, today() + timedelta(days=offset))
        strip = client.get(reverse("calendar")).context["strip"]
        assert strip[0].on == today()
        names = [chip.name for day in strip for chip in day.entries]
        assert "Last day" in names
        assert "Too late" not in names

    def test_all_kinds_of_entries_have_their_day(self, client, staff, program, make_broadcast):
        # given one entry of each kind in December 2030, in the zone of Shanghai
        Program.objects.update(member_day_kind="day", member_day_number=8)
        add_shop_day(name="Founding day", month=12, day=9, actor=SYSTEM)
        make_broadcast("Sale", date(2030, 12, 10))
        create_coupon(
            name="Ten", kind="amount", value=1_000, currency="CNY", actor=SYSTEM, large_discount_confirmed=True,
            starts_at=datetime(2030, 12, 10, 16, tzinfo=UTC), ends_at=datetime(2030, 12, 15, 16, tzinfo=UTC),
        )  # fmt: skip
        draft = {
            "entry": {"kind": "occasion", "occasion": "festival:double_twelve", "days": 2, "time": "10:00"},
            "reentry": {"policy": "every", "value": 0}, "exit": {"policy": "never"},
            "steps": [{"id": "t", "kind": "tag", "action": "add", "tag": "x"}],
        }  # fmt: skip
        journey = create_journey(name="Double Twelve", draft=draft, actor=SYSTEM)
        publish_journey(journey=journey, actor=SYSTEM)
        expiries = [{"on": "2030-12-31", "points": 900, "members": 3}]
        # when the month is read
        entries = entries_between(date(2030, 12, 1), date(2030, 12, 31), expiries=expiries)
        # then each has its day and phase
        own = [(e.kind, e.on.day, e.phase, e.name) for e in entries if e.kind != "festival"]
        assert own == [
            ("member_day", 8, "on", ""), ("shop_day", 9, "on", "Founding day"),
            ("broadcast", 10, "planned", "Sale"), ("journey", 10, "enters", "Double Twelve"),
            ("coupon", 11, "starts", "Ten"), ("coupon", 15, "ends", "Ten"), ("expiry", 31, "on", ""),
        ]  # fmt: skip
        festivals = [(e.on.day, e.phase, e.code) for e in entries if e.kind == "festival"]
        assert (12, "on", "double_twelve") in festivals
        assert (18, "prepare", "new_year") in festivals
        # and the page says it in words
        kept.keep([EXPIRIES])
        client.force_login(staff(Role.MARKETER))
        page = month_of(client, "2030-12").content.decode()
        assert "begin to prepare for Jan 1, 2031" in page
        assert "last day · Dec 11, 2030 – Dec 15, 2030" in page

    def test_journeys_start_and_end_on_their_days(self, program):
        draft = {
            "entry": {"kind": "api"}, "reentry": {"policy": "never", "value": 0}, "exit": {"policy": "never"},
            "steps": [{"id": "t", "kind": "tag", "action": "add", "tag": "x"}],
        }  # fmt: skip
        journey = create_journey(name="Welcome", draft=draft, actor=SYSTEM)
        publish_journey(journey=journey, actor=SYSTEM)
        stop_journey(journey=journey, actor=SYSTEM)
        entries = entries_between(today(), today(), kinds=["journey"])
        assert [(entry.phase, entry.name, entry.pk) for entry in entries] == [
            ("ends", "Welcome", journey.pk), ("starts", "Welcome", journey.pk),
        ]  # fmt: skip
