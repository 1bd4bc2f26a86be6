"""The product shows intervals that contain the effects planted in the demo shop (simulation, seed 7)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.test.utils import override_settings

from config.demo.logins import ensure_logins
from config.demo.shop import load_demo_shop
from core.embedded import places
from tests import caches
from tests.config.conftest import END
from tests.planted import PlantedInterval, planted_intervals


@pytest.fixture(scope="module")
def intervals(own_database, tmp_path_factory) -> Iterator[dict[str, PlantedInterval]]:
    with override_settings(MEDIA_ROOT=str(tmp_path_factory.mktemp("media"))):
        caches.forget()
        ensure_logins()
        load_demo_shop(customers=1500, seed=7, months=6, end=END)
        truth = json.loads((places.locations().directory / "simulation" / "truth.json").read_text())
        yield {interval.name: interval for interval in planted_intervals(truth)}


@pytest.mark.parametrize(
    "name",
    ["标题写明产品是否更好", "正文一个链接还是两个", "broadcast spring", "broadcast members", "journey first_purchase"],
)
def test_a_planted_effect_is_inside_its_interval(intervals, name):
    interval = intervals[name]
    assert interval.low <= interval.truth <= interval.high


def test_intervals_are_narrow_enough_to_say_something(intervals):
    assert all(interval.high - interval.low < 0.25 for interval in intervals.values())
    assert intervals["broadcast members"].truth > 0.02


def test_an_experiment_without_an_effect_shows_none(intervals):
    interval = intervals["正文一个链接还是两个"]
    assert interval.low < 0 < interval.high
    assert abs(interval.truth) < 0.01
