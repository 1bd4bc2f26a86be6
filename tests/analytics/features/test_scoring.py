"""Versions of stage limits and RFM cut points: the preview is what saving does."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from analytics.features.models import CustomerFeature, RfmModel, ScoringVersion
from analytics.features.services import features, scoring
from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid
from core.jobs.models import Job
from core.jobs.services import create_job, run_job
from core.security.roles import Role

pytestmark = pytest.mark.django_db
DAYS = {"new_days": 30, "active_days": 90, "at_risk_days": 180, "lapsed_days": 365}
PROPOSALS = [
    DAYS,
    {"new_days": 10, "active_days": 20, "at_risk_days": 40, "lapsed_days": 80},
    {"new_days": 300, "active_days": 400, "at_risk_days": 500, "lapsed_days": 600},
    {**DAYS, "recency_cuts": [10, 20, 30, 40]},
    {**DAYS, "frequency_cuts": [1, 2, 3, 4], "money_cuts": [10_000, 20_000, 50_000, 100_000]},
    {**DAYS, "lapsed_days": 200, "recency_cuts": [1, 2, 3, 300]},
]


@pytest.fixture
def buyers(store, make_customer, make_order, settle):
    """Twenty customers with up to four orders in the last 600 days, and one without an order."""
    draw = random.Random(3)
    for _place in range(20):
        customer = make_customer()
        for _order in range(draw.randint(1, 3)):
            make_order(customer, draw.randint(10, 900) * 100, days_ago=draw.randint(1, 600))
    make_customer()
    settle()
    features.refresh_everything()


def stored() -> dict[int, tuple[str, str]]:
    return {pk: (stage, group) for pk, stage, group in CustomerFeature.objects.values_list("pk", "stage", "rfm_group")}


@pytest.mark.parametrize("values", PROPOSALS)
def test_the_preview_shows_what_the_next_computation_changes(buyers, values):
    # given the preview of a proposal
    before = stored()
    job = scoring.start_preview(values=values)
    run_job(job)
    job.refresh_from_db()
    shown = job.result["figures"]
    assert stored() == before, "a preview changes nothing"
    # when it is saved and everyone is computed again
    version = scoring.apply(job=job, actor=SYSTEM)
    run_job(create_job(kind=scoring.RESCORE))
    # then exactly the shown numbers of customers change
    after = stored()
    assert shown["stage_changes"] == sum(before[pk][0] != after[pk][0] for pk in before)
    assert shown["group_changes"] == sum(before[pk][1] != after[pk][1] for pk in before)
    assert shown["customers"] == 21
    for place, name in ((0, "stages"), (1, "groups")):
        sizes = {code: then for code, _now, then in shown[name] if then}
        assert sizes == {code: list(after_of(after, place)).count(code) for code in set(after_of(after, place))}
    assert (version.number, version.active_days) == (1, values["active_days"])


def after_of(rows: dict[int, tuple[str, str]], place: int) -> list[str]:
    return [row[place] for row in rows.values()]


def test_the_present_limits_change_nothing(buyers):
    figures = scoring.preview({**DAYS, "recency_cuts": [], "frequency_cuts": [], "money_cuts": []}, at=timezone.now())
    assert (figures["stage_changes"], figures["group_changes"]) == (0, 0)
    assert (figures["stage_anyway"], figures["group_anyway"]) == (0, 0)


def test_fixed_cut_points_replace_the_quintiles(buyers):
    job = scoring.start_preview(values={**DAYS, "frequency_cuts": [1, 2, 3, 4]})
    run_job(job)
    job.refresh_from_db()
    quintiles = RfmModel.objects.get().recency_cuts
    scoring.apply(job=job, actor=SYSTEM)
    features.refresh_everything()
    model = RfmModel.objects.get()
    assert (model.frequency_cuts, model.recency_cuts) == ([1, 2, 3, 4], quintiles)


@pytest.mark.parametrize(
    ("wrong", "field", "code"),
    [
        ({"active_days": 0}, "active_days", "invalid"),
        ({"active_days": 20}, "active_days", "not_ascending"),
        ({"at_risk_days": 90}, "at_risk_days", "not_ascending"),
        ({"lapsed_days": 100}, "lapsed_days", "not_ascending"),
        ({"money_cuts": [1, 2, 3]}, "money_cuts", "invalid"),
        ({"money_cuts": [1, 2, 2, 3]}, "money_cuts", "not_ascending"),
        ({"recency_cuts": [1, 2, 3, float("nan")]}, "recency_cuts", "invalid"),
    ],
)
def test_wrong_limits_are_refused_before_the_preview(store, wrong, field, code):
    with pytest.raises(Invalid) as refused:
        scoring.start_preview(values={**DAYS, **wrong})
    assert (refused.value.field, refused.value.code) == (field, code)
    assert not Job.objects.exists()


def test_a_version_needs_a_finished_and_current_preview(store):
    first, second = (scoring.start_preview(values={**DAYS, "lapsed_days": days}) for days in (400, 500))
    with pytest.raises(Conflict) as refused:
        scoring.apply(job=first, actor=SYSTEM)
    assert refused.value.code == "not_finished"
    for job in (first, second):
        run_job(job)
        job.refresh_from_db()
    scoring.apply(job=first, actor=SYSTEM)
    with pytest.raises(Conflict) as refused:
        scoring.apply(job=second, actor=SYSTEM)
    assert refused.value.code == "preview_outdated"
    Job.objects.filter(pk=first.pk).update(finished_at=timezone.now() - timedelta(days=2))
    assert list(ScoringVersion.objects.values_list("number", "lapsed_days")) == [(1, 400)]


def test_a_marketer_previews_and_saves(client, staff, buyers):
    client.force_login(staff(Role.MARKETER))
    cuts = {f"{name}_{place}": "" for name in scoring.CUTS for place in range(1, 5)}
    money = {f"money_cuts_{place}": str(place * 100) for place in range(1, 5)}
    answer = client.post(reverse("scoring"), {**DAYS, **cuts, **money, "lapsed_days": "300"})
    job = Job.objects.get()
    assert answer.url == reverse("scoring_preview", args=[job.pk])
    assert job.result["values"]["money_cuts"] == [10_000, 20_000, 30_000, 40_000]
    client.post(reverse("scoring_apply", args=[job.pk]))
    assert not ScoringVersion.objects.exists()
    run_job(job)
    assert "Segments and journeys that use them follow." in client.get(answer.url).content.decode()
    client.post(reverse("scoring_apply", args=[job.pk]))
    assert ScoringVersion.objects.get().lapsed_days == 300
    rescoring = Job.objects.get(kind=scoring.RESCORE)
    run_job(rescoring)
    rescoring.refresh_from_db()
    assert rescoring.state == "done"
    # and the form shows the version, money in major units
    page = client.get(reverse("scoring")).content.decode()
    assert 'value="300"' in page
    assert 'value="400"' in page
