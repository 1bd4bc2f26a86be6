"""Other kinds of segments: fixed lists, segments of segments without cycles, stable samples."""

from __future__ import annotations

import hashlib
import itertools
from functools import partial

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.conditions.rules.dependencies import cycle_through, layers, with_dependents
from analytics.features.models import ChangedCustomer
from analytics.segments.models import ListUpload, Segment, SegmentKind, SegmentMembership
from analytics.segments.services import figures as segments_figures
from analytics.segments.services import lists, segments
from analytics.segments.services import runs as segment_runs
from analytics.segments.services.list_uploads import upload_list, value_of
from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid
from core.events.models import DomainEvent
from core.jobs.models import Job
from core.jobs.services import run_job
from core.security.roles import Role
from crm.customers.models import Customer, CustomerState
from tests.threads import at_once

pytestmark = pytest.mark.django_db
EVERYONE = {"op": "and", "children": []}


def leaf(condition: str, operator: str, **values) -> dict:
    return {"condition": condition, "operator": operator, **values}


def within(*segments: Segment) -> dict:
    return {"op": "and", "children": [leaf("in_segment", "has", values=[str(one.pk) for one in segments])]}


def make(name: str, rule: dict) -> Segment:
    return segments.create_segment(name=name, rule=rule, actor=SYSTEM)


def members(segment: Segment) -> set[int]:
    return set(SegmentMembership.objects.filter(segment=segment, left_at=None).values_list("customer_id", flat=True))


@pytest.fixture
def people(program, make_customer, settle) -> list[Customer]:
    found = [
        make_customer(f"P{place}", phone=f"1380000{place:04}", email=f"p{place}@example.com") for place in range(5)
    ]
    settle()
    segment_runs.refresh_changed()
    return found


def add_from_file(segment: Segment, content: bytes, kind: str = "number") -> ListUpload:
    upload = upload_list(
        segment=segment, content=content, file_name="guests.csv", kind=kind, country="CN", actor=SYSTEM
    )
    run_job(upload.job)
    upload.refresh_from_db()
    return upload


def refused(upload: ListUpload) -> list[tuple[int, str, str]]:
    return [(row.line, value_of(row), row.code) for row in upload.refusals.order_by("line")]


@pytest.fixture
def marketer(client, staff):
    client.force_login(staff(Role.MARKETER))
    return client


# Fixed lists


def test_a_list_stores_its_customers_as_intervals_with_events(people):
    made = lists.create_list(name="Guests", actor=SYSTEM)
    ids = [person.pk for person in people]
    assert lists.add_to_list(segment=made, customer_ids=ids[:3], actor=SYSTEM) == 3
    assert lists.add_to_list(segment=made, customer_ids=ids[2:4], actor=SYSTEM) == 1
    assert lists.remove_from_list(segment=made, customer_ids=ids[:1], actor=SYSTEM) == 1
    assert lists.remove_from_list(segment=made, customer_ids=ids[:1], actor=SYSTEM) == 0
    made.refresh_from_db()
    assert members(made) == set(ids[1:4])
    assert (made.size, made.kind, made.error) == (3, SegmentKind.STATIC, "")
    moved = DomainEvent.objects.filter(kind__startswith="analytics.segment_")
    assert sorted((event.kind.rpartition("_")[2], event.subject_id) for event in moved) == [
        ("entered", ids[0]),
        ("entered", ids[1]),
        ("entered", ids[2]),
        ("entered", ids[3]),
        ("left", ids[0]),
    ]


def test_computing_keeps_lists_and_inactive_customers_leave_them(people, settle):
    made = lists.create_list(name="Guests", actor=SYSTEM)
    lists.add_to_list(segment=made, customer_ids=[person.pk for person in people[:2]], actor=SYSTEM)
    segment_runs.compute_segments()
    assert len(members(made)) == 2
    Customer.objects.filter(pk=people[0].pk).update(state=CustomerState.ERASED)
    ChangedCustomer.objects.get_or_create(customer_id=people[0].pk, defaults={"mark": 1})
    segment_runs.refresh_changed()
    made.refresh_from_db()
    assert members(made) == {people[1].pk}
    assert made.size == 1
    assert lists.add_to_list(segment=made, customer_ids=[people[0].pk], actor=SYSTEM) == 0


def test_customers_are_not_added_to_a_rule_by_hand(people):
    ruled = make("Rule", EVERYONE)
    with pytest.raises(Conflict) as refusal:
        lists.add_to_list(segment=ruled, customer_ids=[people[0].pk], actor=SYSTEM)
    assert refusal.value.code == "not_a_list"
    assert members(ruled) == set()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_file_by_number_lists_lines_without_a_customer(people, encoding):
    made = lists.create_list(name="Guests", actor=SYSTEM)
    numbers = [person.number for person in people]
    text = f'客户编号,name\r\n{numbers[0]},x\r\n\r\n"{numbers[1]}"\r\n没有,y\r\n{numbers[0]}\r\n404\r\n'
    added = add_from_file(made, text.encode(encoding))
    assert (added.line_count, added.added_count, added.already_count) == (5, 2, 0)
    assert [(line, value) for line, value, _code in refused(added)] == [(5, "没有"), (7, "404")]
    assert members(made) == {people[0].pk, people[1].pk}
    again = add_from_file(made, text.encode(encoding))
    assert (again.added_count, again.already_count, again.refused_count) == (0, 2, 2)


@pytest.mark.parametrize(
    ("kind", "lines", "wrong"),
    [
        ("phone", "13800000001\n+86 138 0000 0002\n1\n13900000000", "not_a_phone"),
        ("email", "P1@Example.com;x\np2@example.com;y\nno mail;z\nq@example.com;z", "not_an_email"),
    ],
)
def test_a_file_by_identity(people, kind, lines, wrong):
    made = lists.create_list(name="Guests", actor=SYSTEM)
    added = add_from_file(made, lines.encode(), kind)
    assert members(made) == {people[1].pk, people[2].pk}
    assert (added.line_count, [(line, code) for line, _value, code in refused(added)]) == (
        4, [(3, wrong), (4, "unknown_customer")],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("content", "kind", "field"),
    [(b"\x00\x01\xff\xfe", "number", "file"), (b"1\x002", "number", "file"), (b"1", "nonsense", "kind"),
     (b"1\n" * 200_001, "number", "file"), (b"x" * (10 * 1024 * 1024 + 1), "number", "file"),
     (b"number\n\n", "number", "file")],
)  # fmt: skip
def test_an_invalid_file_changes_nothing(people, content, kind, field):
    made = lists.create_list(name="Guests", actor=SYSTEM)
    with pytest.raises(Invalid) as refusal:
        add_from_file(made, content, kind)
    assert refusal.value.field == field
    assert (members(made), ListUpload.objects.count(), Job.objects.count()) == (set(), 0, 0)


def test_the_pages_of_a_list(marketer, people):
    file = SimpleUploadedFile("guests.csv", f"{people[0].number}\n{people[1].number}\n404\n".encode())
    page = marketer.post(reverse("segment_list_new"), {"name": "Guests", "kind": "number", "file": file})
    made = Segment.objects.get(name="Guests")
    assert page["Location"] == reverse("list_upload", args=[made.pk, made.uploads.get().pk])
    run_job(Job.objects.get())
    assert members(made) == {people[0].pk, people[1].pk}
    shown = marketer.get(reverse("segment", args=[made.pk])).content.decode()
    assert "Add from a file" in shown
    assert "Rule</h2>" not in shown
    why = marketer.get(reverse("segment", args=[made.pk]), {"who": people[0].number}).content.decode()
    assert "on the list" in why
    assert "In the segment since" in why
    assert (
        "not on the list"
        in marketer.get(reverse("segment", args=[made.pk]), {"who": people[3].number}).content.decode()
    )
    marketer.post(reverse("segment_remove", args=[made.pk]), {"customer": people[0].number})
    assert members(made) == {people[1].pk}
    more = SimpleUploadedFile("more.csv", people[2].number.encode())
    assert marketer.post(reverse("segment_upload", args=[made.pk]), {"kind": "number", "file": more}).status_code == 302
    run_job(Job.objects.latest("pk"))
    assert members(made) == {people[1].pk, people[2].pk}
    assert marketer.post(reverse("segment_upload", args=[made.pk])).status_code == 302
    marketer.post(reverse("segment_edit", args=[made.pk]), {"name": "Friends", "description": "of ours"})
    made.refresh_from_db()
    assert (made.name, made.description) == ("Friends", "of ours")
    listed = marketer.get(reverse("segments")).content.decode()
    assert listed.count("Fixed list") == listed.count("Fixed list</option>"), "its description says more"
    lists.rename_list(segment=made, description="", actor=SYSTEM)
    assert "Fixed list" in marketer.get(reverse("segments")).content.decode()


def test_a_taken_name_keeps_the_input(marketer, people):
    lists.create_list(name="Guests", actor=SYSTEM)
    page = marketer.post(reverse("segment_list_new"), {"name": "Guests", "description": "kept"}).content.decode()
    assert "Another segment has this name." in page
    assert 'value="kept"' in page
    assert Segment.objects.count() == 1


def test_chosen_rows_of_the_customer_table_go_into_a_list(marketer, people):
    made = lists.create_list(name="Guests", actor=SYSTEM)
    assert f'<option value="{made.pk}">Guests</option>' in marketer.get(reverse("customers")).content.decode()
    add = reverse("segment_list_add")
    numbers = [person.number for person in people]
    assert marketer.post(add, {"list": made.pk, "customer": numbers[:2]}).status_code == 302
    assert members(made) == {people[0].pk, people[1].pk}
    marketer.post(add, {"list": made.pk, "all": "yes", "matching": "q=P4"})
    assert members(made) == {people[0].pk, people[1].pk, people[4].pk}
    marketer.post(add, {"list": "new", "customer": numbers[3:4]})
    assert members(Segment.objects.exclude(pk=made.pk).get()) == {people[3].pk}
    assert marketer.post(add, {"list": made.pk}).status_code == 302
    assert marketer.post(add, {"list": "404", "customer": numbers[:1]}).status_code == 404
    ruled = make("Rule", EVERYONE)
    assert marketer.post(add, {"list": ruled.pk, "customer": numbers[:1]}).status_code == 404
    assert len(members(made)) == 3


# Segments of segments


def test_segments_of_segments_are_computed_in_order(people, settle):
    base = lists.create_list(name="Base", actor=SYSTEM)
    # Created in the wrong order, so that the ids do not give the order away.
    top, middle = make("Top", EVERYONE), make("Middle", within(base))
    top = segments.update_segment(segment=top, name="Top", rule=within(middle), actor=SYSTEM)
    assert segment_runs.compute_segments() == []
    assert (members(middle), members(top)) == (set(), set())
    lists.add_to_list(segment=base, customer_ids=[people[0].pk, people[1].pk], actor=SYSTEM)
    assert segment_runs.refresh_changed() == 2
    assert members(base) == members(middle) == members(top) == {people[0].pk, people[1].pk}
    lists.remove_from_list(segment=base, customer_ids=[people[0].pk], actor=SYSTEM)
    segment_runs.refresh_changed()
    assert members(top) == {people[1].pk}


def test_computing_a_segment_updates_its_dependents(people):
    base = make("Base", {"op": "or", "children": []})
    top = make("Top", within(base))
    segment_runs.compute_segments()
    segments.update_segment(segment=base, name="Base", rule=EVERYONE, actor=SYSTEM)
    segment_runs.compute_segments([base.pk])
    assert len(members(top)) == 5


def test_a_cycle_is_refused_with_its_path(people):
    first = make("First", EVERYONE)
    second = make("Second", within(first))
    third = make("Third", within(second))
    with pytest.raises(Invalid) as refusal:
        segments.update_segment(segment=first, name="First", rule=within(third), actor=SYSTEM)
    assert refusal.value.code == "cycle"
    assert str(refusal.value.message) == "A segment can't refer to itself: First → Third → Second → First."
    with pytest.raises(Invalid, match="First → First"):
        segments.update_segment(segment=first, name="First", rule=within(first), actor=SYSTEM)
    first.refresh_from_db()
    assert (first.rule, first.version) == (EVERYONE, 1)


def test_a_cycle_is_shown_in_the_builder(marketer, people):
    first = make("First", EVERYONE)
    make("Second", within(first))
    fields = {"mode": "text", "name": "First", "query": 'in_segment "Second"', "do": "save"}
    page = marketer.post(reverse("segment_edit", args=[first.pk]), fields).content.decode()
    assert "First → Second → First" in page


@pytest.mark.django_db(transaction=True)
def test_two_segments_that_name_each_other_are_not_both_saved():
    for place in range(5):
        first, second = make(f"A{place}", EVERYONE), make(f"B{place}", EVERYONE)
        answers = at_once(
            [
                partial(segments.update_segment, segment=one, name=one.name, rule=within(other), actor=SYSTEM)
                for one, other in ((first, second), (second, first))
            ]
        )
        assert sorted(type(answer).__name__ for answer in answers) == ["Invalid", "Segment"]


def test_a_segment_in_use_is_not_archived(people):
    base = make("Base", EVERYONE)
    top = make("Top", within(base))
    with pytest.raises(Conflict, match="Top") as refused:
        segments.archive_segment(segment=base, actor=SYSTEM)
    assert (refused.value.code, Segment.objects.active().count()) == ("in_use", 2)
    segments.archive_segment(segment=top, actor=SYSTEM)
    segments.archive_segment(segment=base, actor=SYSTEM)
    assert not Segment.objects.active().exists()


USES = st.dictionaries(st.integers(0, 7), st.sets(st.integers(0, 7), max_size=3), max_size=8)


@settings(max_examples=300, deadline=None)
@given(USES)
def test_order_dependents_and_cycles_of_any_graph(uses):
    order = layers(uses)
    assert sorted(pk for layer in order for pk in layer) == sorted(uses)
    cyclic = {pk for pk in uses if cycle_through(uses, pk)}
    for pk in uses:
        way = cycle_through(uses, pk)
        assert all(after in uses[before] for before, after in itertools.pairwise(way))
        assert not way or way[0] == way[-1] == pk
    if not cyclic:
        place = {pk: number for number, layer in enumerate(order) for pk in layer}
        assert all(place[used] < place[pk] for pk in uses for used in uses[pk] if used in uses)
    for pk in uses:
        reached = with_dependents(uses, [pk])
        assert all(user in reached for user in uses if uses[user] & reached)


# Samples


def test_a_sample_is_stable_and_contains_every_smaller_one(program, make_customer, settle):
    ids = [make_customer().pk for _place in range(120)]
    settle()
    segment_runs.refresh_changed()

    def drawn(percent: int, draw: str = "summer", operator: str = "has") -> set[int]:
        return set(segments_figures.figures_of(leaf("sample", operator, percent=percent, draw=draw), sample=500).sample)

    def naive(percent: int, draw: str) -> set[int]:
        return {pk for pk in ids if int(hashlib.md5(f"{draw}:{pk}".encode()).hexdigest()[:8], 16) % 100 < percent}

    for percent in (1, 10, 50, 99, 100):
        assert drawn(percent) == naive(percent, "summer")
        assert drawn(percent) | drawn(percent, operator="has_not") == set(ids)
    assert drawn(10) < drawn(50)
    assert drawn(50) != drawn(50, "winter")
    assert drawn(100) == set(ids)
    assert 35 <= len(drawn(50)) <= 85
