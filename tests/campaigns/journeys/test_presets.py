"""Test that each ready-made journey becomes a draft, validates, publishes, and completes for one customer."""

from __future__ import annotations

import pytest
from django.utils import translation

from campaigns.coupons.models import Coupon
from campaigns.journeys import rules
from campaigns.journeys.models import Journey, JourneyStepRecord
from campaigns.journeys.services.journeys import problems, publish_journey
from campaigns.journeys.services.presets import PRESETS, draft_from_preset
from campaigns.journeys.services.trials import try_journey
from campaigns.messages.models import Message
from campaigns.templates.models import Template
from core.base.actor import SYSTEM
from core.base.errors import Invalid

pytestmark = pytest.mark.django_db
CODES = [preset.code for preset in PRESETS]


def test_all_required_presets_exist():
    assert CODES == [
        "welcome", "first_purchase", "after_purchase", "birthday", "member_day", "points_expiring", "tier_up",
        "near_tier", "tier_at_risk", "cart", "winback", "sunset", "unhappy",
    ]  # fmt: skip


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_each_preset_validates_publishes_and_is_tried_without_effects(program, store, make_customer, code, language):
    store.language = language
    store.save()
    journey = draft_from_preset(code=code, store=store, actor=SYSTEM)
    assert problems(journey.draft) == []
    preset = next(item for item in PRESETS if item.code == code)
    assert journey.name == (preset.name_zh if language == "zh-hans" else preset.name)
    for happen in (False, True):
        trial = try_journey(journey=journey, customer=make_customer("Ada"), events_happen=happen)
        assert trial.stops
        assert all(earlier.at <= later.at for earlier, later in zip(trial.stops, trial.stops[1:], strict=False))
    assert not Message.objects.exists()
    assert not JourneyStepRecord.objects.exists()
    version = publish_journey(journey=journey, actor=SYSTEM)
    assert version.number == 1
    assert len(rules.by_id(version.definition["steps"])) == len(rules.by_id(journey.draft["steps"]))


def test_a_second_draft_gets_a_number_and_reuses_objects_of_the_first(program, store):
    store.language = "en"
    store.save()
    first = draft_from_preset(code="winback", store=store, actor=SYSTEM)
    made = Template.objects.count(), Coupon.objects.count()
    second = draft_from_preset(code="winback", store=store, actor=SYSTEM)
    assert (first.name, second.name) == ("Win-back in three waves", "Win-back in three waves 2")
    assert (Template.objects.count(), Coupon.objects.count()) == made == (3, 3)
    offers = [coupon.value for coupon in Coupon.objects.order_by("id")]
    assert offers == [5, 10, 20], "each wave offers more"
    with pytest.raises(Invalid):
        draft_from_preset(code="none", store=store, actor=SYSTEM)
    assert Journey.objects.count() == 2


def test_names_and_texts_are_shown_in_the_viewers_language():
    with translation.override("zh-hans"):
        assert PRESETS[0].label == "新会员欢迎旅程"
    with translation.override("en"):
        assert PRESETS[0].label == "Welcome"
