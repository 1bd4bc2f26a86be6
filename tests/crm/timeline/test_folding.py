"""The timeline folds runs of noise into one line, without losing a moment or the place of a page."""

from datetime import UTC, datetime, timedelta

import pytest

from core.base.actor import SYSTEM
from core.events.models import DomainEvent
from crm.customers.services.customers import add_note
from crm.desk.services import open_ticket
from crm.timeline.registry import Moment
from crm.timeline.selectors import timeline as timelines
from crm.timeline.selectors.timeline import fold

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def everything(_permission):
    return True


def moments(folds):
    return [
        Moment(at=NOON - timedelta(minutes=place), id=place, title=f"m{place}", source="events", fold=name)
        for place, name in enumerate(folds)
    ]


HELD, FREED = "loyalty.points_held", "loyalty.hold_released"


@pytest.mark.parametrize(
    ("folds", "limit", "titles", "used"),
    [
        (["", "", ""], 2, ["m0", "m1"], 2),
        ([FREED] * 60, 30, ["60 holds released"], 60),
        ([FREED, HELD] * 3, 30, ["3 holds released", "3 holds placed"], 6),
        ([FREED, FREED], 30, ["m0", "m1"], 2),
        ([FREED, FREED, FREED, "", FREED], 30, ["3 holds released", "m3", "m4"], 5),
        (["", FREED, FREED, FREED, FREED, ""], 2, ["m0", "4 holds released"], 5),
        ([HELD, FREED, FREED, FREED], 30, ["m0", "3 holds released"], 4),
    ],
)
def test_a_run_becomes_one_line_of_each_kind(folds, limit, titles, used):
    lines, count = fold(moments(folds), limit)
    assert ([str(line.title) for line in lines], count) == (titles, used)


@pytest.fixture
def noisy(make_customer):
    """A customer with 200 released holds between two notes."""
    customer = make_customer("Ann")
    DomainEvent.objects.all().delete()
    add_note(customer=customer, text="before", actor=SYSTEM)
    customer.notes.update(created_at=NOON - timedelta(days=2))
    DomainEvent.objects.bulk_create(
        DomainEvent(
            kind=FREED,
            subject_id=customer.pk,
            payload={"points": 5, "hold": "x"},
            occurred_at=NOON - timedelta(minutes=place),
        )
        for place in range(200)
    )
    add_note(customer=customer, text="after", actor=SYSTEM)
    return customer


@pytest.mark.django_db
def test_the_pages_of_a_noisy_timeline(noisy):
    first = timelines.timeline(noisy, limit=30, allowed=everything)
    assert [(line.title, len(line.folded)) for line in first.lines][1:] == [("120 holds released", 120)]
    second = timelines.timeline(noisy, limit=30, cursor=first.next, allowed=everything)
    assert [len(line.folded) for line in second.lines] == [80, 0]
    assert second.lines[1].moment.detail == "before"
    assert second.next == ""
    ids = [(moment.source, moment.id) for page in (first, second) for moment in page.moments]
    assert len(ids) == len(set(ids)) == 202


@pytest.mark.django_db
def test_folding_needs_no_more_queries(noisy, django_assert_num_queries):
    with django_assert_num_queries(7):
        timelines.timeline(noisy, limit=30, allowed=everything)


@pytest.mark.django_db
def test_an_event_links_to_its_object_when_the_viewer_may_open_it(make_customer):
    customer = make_customer("Ann")
    ticket = open_ticket(customer=customer, subject="Where?", text="…", actor=SYSTEM)

    def url(allowed):
        rows = timelines.timeline(customer, show="service", allowed=allowed).moments
        return [moment.url for moment in rows]

    assert url(everything) == [f"/tickets/{ticket.number}/"]
    assert url(lambda permission: permission != "crm.view_ticket") == [""]


@pytest.mark.django_db
def test_every_link_of_an_old_payload_is_left_out(make_customer):
    from crm.timeline.registry import LINKS

    customer = make_customer("Ann")
    DomainEvent.objects.bulk_create(
        DomainEvent(kind=kind, subject_id=customer.pk, payload={}, occurred_at=NOON) for kind in LINKS.names()
    )
    rows = timelines.timeline(customer, limit=100, allowed=everything).moments
    assert len(rows) >= len(LINKS.names())
