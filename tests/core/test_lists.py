"""The list component, on the lists of broadcasts and of segments: order, tabs, pages, views, export, chosen rows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.http import QueryDict
from django.urls import reverse

from analytics.segments.models import Segment
from analytics.segments.services.lists import add_to_list, create_list
from analytics.segments.services.segments import archive_segment, create_segment
from campaigns.broadcasts.models import Broadcast
from campaigns.broadcasts.services.broadcasts import create_broadcast, update_broadcast
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM, of_user
from core.base.errors import Conflict, Invalid
from core.console.models import SavedView
from core.db.paging import Page
from core.events.models import DomainEvent
from core.lists import services
from core.lists.declaration import LISTS
from core.lists.models import ListColumns
from core.security.roles import Role

pytestmark = pytest.mark.django_db
EVERYONE = {"op": "and", "children": []}


@pytest.fixture
def marketer(client, staff):
    user = staff(Role.MARKETER, "mia")
    client.force_login(user)
    client.user = user
    return client


@pytest.fixture
def template(store):
    texts = [Text("en", "<p>Hi</p>", "Hello"), Text("zh-hans", "<p>您好</p>", "您好")]
    return save_template(name="Hello", channel="email", texts=texts, actor=SYSTEM)


@pytest.fixture
def segment(store):
    return create_segment(name="VIP", rule=EVERYONE, actor=SYSTEM)


@pytest.fixture
def broadcasts(template, segment):
    """Four drafts, of which two are made done and one stopped; they were created at the same moment."""
    rows = [
        create_broadcast(name=name, segment=segment, template=template, actor=SYSTEM)
        for name in ("Autumn", "Spring", "Summer", "Winter")
    ]
    at = datetime(2026, 3, 1, 8, tzinfo=UTC)
    states = {"Spring": ("done", 40), "Summer": ("done", 7), "Winter": ("stopped", 7)}
    for row in rows:
        state, audience = states.get(row.name, ("draft", 0))
        Broadcast.objects.filter(pk=row.pk).update(
            state=state, created_at=at, starts_at=at, prepared_at=at if audience else None, audience_count=audience
        )
    return {row.name: row for row in Broadcast.objects.all()}


def names(response) -> list[str]:
    return [row.name for row in response.context["rows"]]


def tabs(response) -> list[tuple[str, str, bool]]:
    return [(str(tab.label), tab.count, tab.here) for tab in response.context["list"].tabs]


def lines(response) -> list[str]:
    return b"".join(response.streaming_content).decode().removeprefix("\ufeff").splitlines()


class TestReading:
    def test_tabs_count_what_the_search_leaves_and_archived_rows_are_apart(self, marketer, broadcasts):
        # given an archived broadcast
        services.archive_objects(objects=Broadcast.objects.filter(name="Winter"), busy=lambda _row: False, actor=SYSTEM)
        # when the list is opened
        page = marketer.get(reverse("broadcasts"))
        # then it is in no tab but its own
        assert names(page) == ["Summer", "Spring", "Autumn"]
        assert tabs(page) == [
            ("All", "3", True), ("Draft", "1", False), ("Scheduled", "0", False), ("Being sent", "0", False),
            ("Paused", "0", False), ("Done", "2", False), ("Stopped", "0", False), ("Archived", "1", False),
        ]  # fmt: skip
        archived = marketer.get(reverse("broadcasts"), {"state": "archived"})
        assert names(archived) == ["Winter"]
        # and the search narrows rows and counts alike
        found = marketer.get(reverse("broadcasts"), {"q": "su", "state": "done"})
        assert names(found) == ["Summer"]
        assert [(label, count) for label, count, _here in tabs(found) if count != "0"] == [("All", "1"), ("Done", "1")]

    def test_headings_sort_up_and_down(self, marketer, broadcasts):
        rising = marketer.get(reverse("broadcasts"), {"sort": "name"})
        assert names(rising) == ["Autumn", "Spring", "Summer", "Winter"]
        head = rising.context["list"].heads[0]
        assert (head.sorted, head.url) == ("ascending", "?sort=-name")
        assert names(marketer.get(reverse("broadcasts"), {"sort": "-name"})) == ["Winter", "Summer", "Spring", "Autumn"]
        # numbers begin with the largest
        audience = next(head for head in rising.context["list"].heads if str(head.label) == "Audience")
        assert (audience.sorted, audience.url) == ("none", "?sort=-audience")
        # an unknown order is the list's own
        assert names(marketer.get(reverse("broadcasts"), {"sort": "segment_id"})) == [
            "Winter", "Summer", "Spring", "Autumn",
        ]  # fmt: skip

    def test_pages_go_through_equal_keys_without_loss(self, marketer, broadcasts, monkeypatch):
        # given pages of two rows, an audience that two broadcasts share, and one moment of creation
        monkeypatch.setattr(LISTS, "_items", {**LISTS._items})
        object.__setattr__(LISTS["broadcasts"], "size", 2)
        try:
            for sort, expected in (
                ("-audience", ["Spring", "Winter", "Summer", "Autumn"]),
                ("audience", ["Autumn", "Summer", "Winter", "Spring"]),
                ("", ["Winter", "Summer", "Spring", "Autumn"]),
            ):
                # when the pages are opened one after another, and back
                first = marketer.get(reverse("broadcasts"), {"sort": sort})
                cursor = first.context["page"].next
                second = marketer.get(reverse("broadcasts"), {"sort": sort, "cursor": cursor})
                # then each row is on one page
                assert names(first) + names(second) == expected
                assert isinstance(second.context["page"], Page)
                assert second.context["page"].next is None
                back = marketer.get(reverse("broadcasts"), {"sort": sort, "cursor": second.context["page"].previous})
                assert names(back) == expected[:2]
        finally:
            object.__setattr__(LISTS["broadcasts"], "size", 50)

    def test_columns_are_kept_for_each_user(self, marketer, broadcasts, client, staff):
        def heads(page) -> list[str]:
            return [str(head.label) for head in page.context["list"].heads]

        usual = heads(marketer.get(reverse("broadcasts")))
        assert usual[:4] == ["Broadcast", "Segment", "State", "Audience"]
        assert (usual[-1], "Created" in usual) == ("Owner", False)
        # when a user chooses columns; the name is always there, and unknown columns are ignored
        marketer.post(reverse("list_columns", args=["broadcasts"]), {"column": ["created", "state", "nonsense"]})
        assert ListColumns.objects.get().columns == ["name", "state", "created"]
        chosen = heads(marketer.get(reverse("broadcasts")))
        own = {"Broadcast", "Segment", "State", "Audience", "Owner", "Created"}
        assert [head for head in chosen if head in own] == ["Broadcast", "State", "Created"]
        # then others see the usual ones, and the user can go back to them
        marketer.post(reverse("list_columns", args=["broadcasts"]), {"do": "reset"})
        assert not ListColumns.objects.exists()
        assert heads(marketer.get(reverse("broadcasts"))) == usual

    def test_the_owner_filter_and_the_tags(self, marketer, broadcasts, staff):
        other = staff(Role.MARKETER, "otto")
        services.set_owner(objects=Broadcast.objects.filter(name="Spring"), owner=other, actor=SYSTEM)
        services.set_owner(objects=Broadcast.objects.filter(name="Winter"), owner=marketer.user, actor=SYSTEM)
        services.add_tag(objects=Broadcast.objects.filter(name__in=["Spring", "Autumn"]), tag="Sale", actor=SYSTEM)
        assert names(marketer.get(reverse("broadcasts"), {"owner": "me"})) == ["Winter"]
        assert names(marketer.get(reverse("broadcasts"), {"owner": str(other.pk)})) == ["Spring"]
        page = marketer.get(reverse("broadcasts"), {"tag": "Sale"})
        assert names(page) == ["Spring", "Autumn"]
        assert '<a class="tag" href="/broadcasts/?tag=Sale">Sale</a>' in page.content.decode()
        # a search finds tags too
        assert names(marketer.get(reverse("broadcasts"), {"q": "sal"})) == ["Spring", "Autumn"]


class TestViews:
    def test_a_view_keeps_tab_order_and_filters_without_the_search(self, marketer, broadcasts, staff, client):
        saved = marketer.post(
            reverse("list_view_save", args=["broadcasts"]),
            {"name": "Sent", "query": "q=Anna&state=done&sort=-name&cursor=x&nonsense=1", "shared": "on"},
        )
        assert saved.url == "/broadcasts/?state=done&sort=-name"
        page = marketer.get(saved.url)
        assert names(page) == ["Summer", "Spring"]
        assert [(item.view.name, item.here) for item in page.context["views"]] == [("Sent", True)]
        # another person sees a shared view, and can't remove it
        client.force_login(staff(Role.ANALYST))
        assert [item.view.name for item in client.get(reverse("broadcasts")).context["views"]] == ["Sent"]
        remove = reverse("list_view_remove", args=["broadcasts", SavedView.objects.get().pk])
        assert client.post(remove).status_code == 403
        assert SavedView.objects.count() == 1
        # and it belongs to its list
        assert list(client.get(reverse("segments")).context["views"]) == []


class TestExport:
    def test_the_rows_that_the_filters_select(self, marketer, broadcasts):
        services.add_tag(objects=Broadcast.objects.filter(name="Spring"), tag="Sale", actor=SYSTEM)
        answer = marketer.get(reverse("list_export", args=["broadcasts"]), {"state": "done", "sort": "name"})
        head, *rows = lines(answer)
        assert head.split(",")[:4] == ["Broadcast", "Segment", "State", "Audience"]
        assert head.split(",")[-2:] == ["Tags", "Owner"]
        assert [row.split(",")[:4] for row in rows] == [["Spring", "VIP", "Done", "40"], ["Summer", "VIP", "Done", "7"]]
        assert rows[0].split(",")[-2:] == ["Sale", ""]
        event = DomainEvent.objects.get(kind="core.list_exported")
        assert event.payload == {"list": "broadcasts", "rows": 2, "chosen": False, "filters": "state=done&sort=name"}
        assert event.actor == f"user:{marketer.user.pk}"

    def test_chosen_rows_of_another_list(self, marketer, segment):
        create_list(name="Guests", actor=SYSTEM)
        answer = marketer.post(reverse("list_export", args=["segments"]), {"row": [segment.pk], "matching": ""})
        head, *rows = lines(answer)
        assert head == 'Segment,Customers,"Entered, 7 days","Left, 7 days",Last computed,Created,Tags,Owner'
        assert [row.split(",")[:2] for row in rows] == [["VIP", ""]]


class TestChosenRows:
    def test_tags_owner_and_archive_for_many(self, marketer, broadcasts):
        bulk = reverse("list_bulk", args=["broadcasts"])
        chosen = [broadcasts["Spring"].pk, broadcasts["Summer"].pk]
        # a tag is added once, whatever its case
        marketer.post(bulk, {"do": "add_tag", "add_tag": " Big  sale ", "row": chosen})
        marketer.post(bulk, {"do": "add_tag", "add_tag": "BIG SALE", "row": chosen})
        assert {row.name: row.tags for row in Broadcast.objects.filter(pk__in=chosen)} == {
            "Spring": ["Big sale"], "Summer": ["Big sale"],
        }  # fmt: skip
        marketer.post(bulk, {"do": "remove_tag", "add_tag": "big sale", "row": chosen[:1]})
        assert Broadcast.objects.get(name="Spring").tags == []
        marketer.post(bulk, {"do": "owner", "owner": marketer.user.pk, "row": chosen})
        assert set(Broadcast.objects.filter(owner=marketer.user).values_list("name", flat=True)) == {"Spring", "Summer"}
        # all that match, not only the shown page
        marketer.post(bulk, {"do": "archive", "all": "yes", "matching": "state=done"})
        assert set(Broadcast.objects.exclude(archived_at=None).values_list("name", flat=True)) == {"Spring", "Summer"}
        marketer.post(bulk, {"do": "restore", "row": chosen, "matching": "state=archived"})
        assert not Broadcast.objects.exclude(archived_at=None).exists()

    def test_one_busy_row_keeps_all(self, marketer, broadcasts):
        # given a broadcast that is being sent
        Broadcast.objects.filter(name="Spring").update(state="sending")
        # when it is archived together with another one
        answer = marketer.post(
            reverse("list_bulk", args=["broadcasts"]),
            {"do": "archive", "row": [broadcasts["Spring"].pk, broadcasts["Summer"].pk]},
            follow=True,
        )
        # then none is, and the reason names it
        assert "“Spring” is in use." in answer.content.decode()
        assert not Broadcast.objects.exclude(archived_at=None).exists()
        with pytest.raises(Conflict) as refusal:
            services.archive_objects(
                objects=Broadcast.objects.all(), busy=lambda row: row.name == "Spring", actor=SYSTEM
            )
        assert refusal.value.code == "in_use"

    def test_without_the_permission_nothing_changes(self, client, staff, broadcasts):
        client.force_login(staff(Role.ANALYST))
        row = broadcasts["Autumn"]
        assert client.get(reverse("broadcasts")).status_code == 200
        forbidden = [
            ("list_bulk", [], {"do": "add_tag", "add_tag": "x", "row": row.pk}),
            ("list_bulk", [], {"do": "archive", "row": row.pk}),
            ("list_archive", [row.pk], {}),
            ("list_restore", [row.pk], {}),
            ("list_duplicate", [row.pk], {}),
            ("list_describe", [row.pk], {"tags": "x", "owner": "none"}),
        ]
        for route, more, data in forbidden:
            assert client.post(reverse(route, args=["broadcasts", *more]), data).status_code == 403, route
        # a role that does not see the list can't export it
        client.force_login(staff(Role.AGENT))
        assert client.get(reverse("list_export", args=["broadcasts"])).status_code == 403
        row.refresh_from_db()
        assert (row.tags, row.archived_at, Broadcast.objects.count()) == ([], None, 4)
        assert not DomainEvent.objects.filter(kind="core.list_exported").exists()

    def test_a_segment_is_archived_by_its_own_service(self, marketer, segment, make_customer, settle):
        people = create_list(name="Guests", actor=SYSTEM)
        customer = make_customer("Ann")
        settle()
        add_to_list(segment=people, customer_ids=[customer.pk], actor=SYSTEM)
        marketer.post(reverse("list_bulk", args=["segments"]), {"do": "archive", "row": [people.pk]})
        people.refresh_from_db()
        assert (people.state, people.size) == ("archived", 0)
        page = marketer.get(reverse("segments"), {"state": "archived"})
        assert names(page) == ["Guests"]
        assert tabs(page) == [("Active", "1", False), ("Archived", "1", True)]


class TestObjects:
    def test_the_creator_is_the_owner(self, marketer, template, segment):
        made = create_broadcast(name="Mine", segment=segment, template=template, actor=of_user(marketer.user))
        assert made.owner == marketer.user
        assert segment.owner is None

    def test_tags_and_owner_on_the_page_of_an_object(self, marketer, broadcasts):
        row = broadcasts["Autumn"]
        page = marketer.get(reverse("broadcast", args=[row.pk])).content.decode()
        assert reverse("list_describe", args=["broadcasts", row.pk]) in page
        marketer.post(
            reverse("list_describe", args=["broadcasts", row.pk]),
            {"tags": "Sale, 双11，sale ,", "owner": marketer.user.pk},
        )
        row.refresh_from_db()
        assert (row.tags, row.owner) == (["Sale", "双11"], marketer.user)

    @pytest.mark.parametrize("tags", [["x" * 41], [f"tag {number}" for number in range(21)]])
    def test_too_long_or_too_many_tags_are_refused(self, marketer, broadcasts, tags):
        rows = Broadcast.objects.filter(name="Autumn")
        with pytest.raises((Invalid, Conflict)):
            services.describe_object(objects=rows, tags=tags, owner=marketer.user, actor=SYSTEM)
        assert (rows.get().tags, rows.get().owner) == ([], None)

    def test_a_copy_is_a_draft_with_a_name_of_its_own(self, marketer, broadcasts):
        spring = broadcasts["Spring"]
        Broadcast.objects.filter(pk=spring.pk).update(per_minute=30, holdout_percent=5, tags=["Sale"])
        duplicate = reverse("list_duplicate", args=["broadcasts", spring.pk])
        first = marketer.post(duplicate)
        copy = Broadcast.objects.get(name="Copy of Spring")
        assert first.url == reverse("broadcast", args=[copy.pk])
        assert (copy.state, copy.per_minute, copy.holdout_percent, copy.segment, copy.template) == (
            "draft", 30, 5, spring.segment, spring.template,
        )  # fmt: skip
        assert (copy.owner, copy.tags, copy.send_on, copy.prepared_at) == (marketer.user, [], None, None)
        marketer.post(duplicate)
        assert Broadcast.objects.filter(name="Copy of Spring 2").exists()

    def test_a_list_is_copied_with_its_customers(self, marketer, make_customer, settle, store):
        people = create_list(name="Guests", actor=SYSTEM)
        customers = [make_customer("Ann"), make_customer("Bob")]
        settle()
        add_to_list(segment=people, customer_ids=[row.pk for row in customers], actor=SYSTEM)
        marketer.post(reverse("list_duplicate", args=["segments", people.pk]))
        copy = Segment.objects.get(name="Copy of Guests")
        assert (copy.kind, copy.size, copy.owner) == ("static", 2, marketer.user)

    def test_an_archived_object_is_not_changed_before_it_is_restored(self, marketer, broadcasts):
        row = broadcasts["Autumn"]
        marketer.post(reverse("list_archive", args=["broadcasts", row.pk]))
        with pytest.raises(Conflict) as refusal:
            update_broadcast(broadcast=row, actor=SYSTEM, name="Other")
        assert refusal.value.code == "archived"
        assert Broadcast.objects.get(pk=row.pk).name == "Autumn"
        marketer.post(reverse("list_restore", args=["broadcasts", row.pk]))
        update_broadcast(broadcast=row, actor=SYSTEM, name="Other")
        assert Broadcast.objects.get(pk=row.pk).name == "Other"

    def test_an_archived_segment_has_no_archive_entry(self, marketer, segment):
        archive_segment(segment=segment, actor=SYSTEM)
        page = marketer.get(reverse("segments"), {"state": "archived"})
        assert [str(entry.label) for entry in page.context["rows"][0].menu] == ["Duplicate", "Export"]


@pytest.mark.parametrize("name", LISTS.names())
def test_every_list_opens_sorts_and_exports(client, staff, name, program):
    client.force_login(staff(Role.ADMINISTRATOR))
    declared = LISTS[name]
    page = client.get(reverse(declared.route))
    assert page.status_code == 200
    for column in declared.columns:
        for sign in ("", "-"):
            if column.sort:
                assert client.get(reverse(declared.route), {"sort": sign + column.code}).status_code == 200
    for tab in page.context["list"].tabs:
        query = QueryDict(tab.url.partition("?")[2]).dict()
        assert client.get(reverse(declared.route), {**query, "q": "x1"}).status_code == 200
    assert lines(client.get(reverse("list_export", args=[name])))
