"""Keyset pages: every row once, also with equal times; a damaged cursor gives the first page."""

from datetime import UTC, datetime, timedelta

import pytest

from core.db import paging
from core.jobs.models import Job

pytestmark = pytest.mark.django_db
ORDER = ["-created_at", "-id"]


@pytest.fixture
def jobs():
    # Given seven rows, five of them with the same time, as from an import
    same = datetime(2026, 1, 1, tzinfo=UTC)
    times = [same + timedelta(days=1), *[same] * 5, same - timedelta(days=1)]
    return [Job.objects.create(kind="test", label=str(i), created_at=at) for i, at in enumerate(times)]


def labels(page):
    return [job.label for job in page]


def test_forward_and_back_show_every_row_once(jobs):
    first = paging.keyset(Job.objects.all(), ORDER, None, 3)
    second = paging.keyset(Job.objects.all(), ORDER, first.next, 3)
    third = paging.keyset(Job.objects.all(), ORDER, second.next, 3)
    assert [labels(first), labels(second), labels(third)] == [["0", "5", "4"], ["3", "2", "1"], ["6"]]
    assert first.previous is None
    assert third.next is None

    again = paging.keyset(Job.objects.all(), ORDER, third.previous, 3)
    assert labels(again) == ["3", "2", "1"]
    assert labels(paging.keyset(Job.objects.all(), ORDER, again.previous, 3)) == ["0", "5", "4"]


def test_going_back_to_the_start_gives_a_whole_first_page(jobs):
    second = paging.keyset(Job.objects.all(), ORDER, paging.keyset(Job.objects.all(), ORDER, None, 2).next, 3)
    back = paging.keyset(Job.objects.all(), ORDER, second.previous, 3)
    assert labels(back) == ["0", "5", "4"]
    assert back.previous is None


@pytest.mark.parametrize("cursor", ["", "???", "WyJuIl0", "bm90IGpzb24", "WyJuIiwgIngiLCAxXQ"])
def test_a_damaged_cursor_gives_the_first_page(jobs, cursor):
    assert labels(paging.keyset(Job.objects.all(), ORDER, cursor, 2)) == ["0", "5"]


def test_one_query_a_page(jobs, django_assert_num_queries):
    with django_assert_num_queries(1):
        paging.keyset(Job.objects.all(), ORDER, None, 3)


def test_counts_are_exact_below_the_limit_and_marked_as_estimates_above(jobs):
    assert paging.count(Job.objects.all()) == paging.Count(7, True)
    estimated = paging.count(Job.objects.all(), limit=5)
    assert not estimated.exact
    assert estimated.value >= 5


@pytest.mark.parametrize("order", [ORDER, ["created_at", "id"]])
def test_rows_that_a_filter_picks_are_the_same_near_the_start_and_far_from_it(jobs, order):
    # given rows that a filter picks at both ends of the list, some of them further away than the two rows to look at
    everything = Job.objects.all()
    picked = everything.filter(label__in=["0", "5", "2", "1", "6"])
    ends = paging.keyset(picked, order, None, 3)
    # when the pages are read near the start first
    first = paging.keyset_near(picked, everything, order, None, 3, 1, 2)
    second = paging.keyset_near(picked, everything, order, first.next, 3, 2)
    back = paging.keyset_near(picked, everything, order, second.previous, 3, 2)
    # then they are those of the whole list
    expected = ["0", "5", "2", "1", "6"] if order == ORDER else ["6", "1", "2", "5", "0"]
    assert labels(first) + labels(second) == expected
    assert (labels(first), first.next) == (labels(ends), ends.next)
    assert labels(back) == expected[:3]
    assert second.next is None


def test_common_rows_are_found_without_sorting_all(jobs, django_assert_num_queries):
    # given a filter that picks each row
    everything = Job.objects.all()
    # when one page is within reach
    with django_assert_num_queries(2) as queries:
        page = paging.keyset_near(everything.filter(kind="test"), everything, ORDER, None, 2, 4)
    # then it is the page, and only the bound and the page were read
    assert labels(page) == ["0", "5"]
    assert "INTERVAL" not in queries.captured_queries[1]["sql"].upper()
