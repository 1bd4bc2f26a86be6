"""Test experiments on real rows: draws, counts, and allowed changes (X1-X3)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.utils import timezone

from analytics.features.services.features import refresh_everything
from campaigns.experiments import rules
from campaigns.experiments.models import Experiment, ExperimentScope, Exposure
from campaigns.experiments.selectors.results import baseline, results_of
from campaigns.experiments.services.arms import check_experiment, draw_arms, kept_out
from campaigns.experiments.services.experiments import (
    Arm,
    create_experiment,
    end_experiment,
    start_experiment,
    update_experiment,
)
from campaigns.experiments.services.queueing import Intended, queue_messages
from campaigns.messages.models import LinkClick, Message
from campaigns.messages.services.messages import queue_message
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid
from core.events.models import DomainEvent
from crm.activity.services.activity import ActivityInput, record_activity
from crm.customers.models import Customer
from crm.customers.services.consents import record_consent
from tests.reference.gate import bucket
from tests.threads import at_once

PLAN = {"name": "Subject lines", "effect": Decimal("0.05"), "window_days": 7}
ARMS = [Arm("As it is"), Arm("Shorter")]


@pytest.fixture
def people(store):
    return Customer.objects.bulk_create([Customer(name=f"P{n}", number=f"X{n}") for n in range(400)])


@pytest.fixture
def running(store, db):
    return start_experiment(experiment=create_experiment(actor=SYSTEM, arms=ARMS, **PLAN), actor=SYSTEM)


def drawn(experiment: Experiment) -> dict[int, str]:
    return dict(Exposure.objects.filter(experiment=experiment).values_list("customer_id", "arm__code"))


@pytest.mark.django_db
def test_sql_and_python_share_one_hash(store):
    with connection.cursor() as cursor:
        cursor.execute("SELECT campaigns_share('salt', n) FROM generate_series(1, 200) AS n ORDER BY n")
        assert [row[0] for row in cursor.fetchall()] == [rules.share_of("salt", n) for n in range(1, 201)]


@pytest.mark.django_db
def test_the_first_draw_stays_when_the_weights_change(running, people):
    ids = [person.pk for person in people]
    first = draw_arms(experiment=running, customer_ids=ids[:300], origin="care:1")
    assert {pk: arm.code for pk, arm in first.items()} == {
        pk: "ab"[rules.arm_of(running.salt, pk, [1, 1])] for pk in ids[:300]
    }
    # when nearly all new customers get the second arm
    changed = update_experiment(experiment=running, actor=SYSTEM, arms=[Arm("As it is", 1), Arm("Shorter", 999)])
    again = draw_arms(experiment=changed, customer_ids=ids, origin="care:2")
    # then drawn customers keep their arm and the origin of their first draw
    assert {pk: again[pk].code for pk in first} == {pk: arm.code for pk, arm in first.items()}
    assert {pk: again[pk].code for pk in ids[300:]} == {
        pk: "ab"[rules.arm_of(running.salt, pk, [1, 999])] for pk in ids[300:]
    }
    assert Exposure.objects.filter(experiment=running, origin="care:1").count() == 300
    # and the sizes are compared with the weights at the time of the draw
    Exposure.objects.update(exposed_at=timezone.now() - timedelta(days=8))
    Experiment.objects.update(weighed_at=timezone.now() - timedelta(days=9))
    assert results_of(Experiment.objects.get()).uneven


@pytest.mark.django_db(transaction=True)
def test_concurrent_draws_draw_a_customer_once(running, people):
    ids = [person.pk for person in people]
    answers = at_once([lambda: draw_arms(experiment=running, customer_ids=ids, origin="care:1")] * 6)
    assert all({pk: arm.pk for pk, arm in one.items()} == {pk: a.pk for pk, a in answers[0].items()} for one in answers)
    assert Exposure.objects.count() == 400


@pytest.mark.django_db
def test_all_have_the_control_before_the_start_and_the_winner_after_the_end(people):
    ids = [person.pk for person in people[:10]]
    experiment = create_experiment(actor=SYSTEM, arms=ARMS, **PLAN)
    assert {arm.code for arm in draw_arms(experiment=experiment, customer_ids=ids, origin="care:1").values()} == {"a"}
    assert Exposure.objects.count() == 0
    started = start_experiment(experiment=experiment, actor=SYSTEM)
    draw_arms(experiment=started, customer_ids=ids, origin="care:1")
    ended = end_experiment(experiment=started, actor=SYSTEM, winner=started.arms.get(code="b"), conclusion=" It won. ")
    assert {arm.code for arm in draw_arms(experiment=ended, customer_ids=ids, origin="care:1").values()} == {"b"}
    assert (ended.state, ended.conclusion, Exposure.objects.count()) == ("ended", "It won.", 10)
    assert list(
        DomainEvent.objects.filter(kind__startswith="campaigns.experiment")
        .order_by("pk")
        .values_list("kind", flat=True)
    ) == [
        "campaigns.experiment_started",
        "campaigns.experiment_ended",
    ]
    for again in (
        lambda: end_experiment(experiment=ended, actor=SYSTEM),
        lambda: start_experiment(experiment=ended, actor=SYSTEM),
    ):
        with pytest.raises(Conflict):
            again()


@pytest.mark.django_db
def test_results_count_all_drawn_customers_net_of_refunds_within_the_window(running, make_customer, make_order):
    # given two people in each arm, drawn ten days ago; three of them ordered, one of those was partly refunded
    arms = list(running.arms.all())
    one, two, three, four, late = (make_customer() for _ in range(5))
    for person, arm in ((one, arms[0]), (two, arms[0]), (three, arms[1]), (four, arms[1])):
        Exposure.objects.create(
            experiment=running, customer=person, arm=arm, origin="care:1",
            exposed_at=timezone.now() - timedelta(days=10),
        )  # fmt: skip
    Exposure.objects.create(experiment=running, customer=late, arm=arms[0], origin="care:1")
    make_order(one, 100_00, days_ago=8)
    make_order(one, 50_00, days_ago=4)
    make_order(one, 999_00, days_ago=2)  # after the seven days
    make_order(one, 999_00, days_ago=11)  # before
    make_order(three, 80_00, days_ago=9)
    make_order(late, 70_00, days_ago=0)
    order = make_order(four, 60_00, days_ago=9)
    type(order).objects.filter(pk=order.pk).update(refunded=order.total // 2)
    record_consent(
        customer=two, channel="email", purpose="marketing", decision="withdrawn", source="page", actor=SYSTEM,
        given_at=timezone.now() - timedelta(days=5),
    )  # fmt: skip
    # when
    results = results_of(running)
    # then
    a, b = results.arms
    assert (a.drawn, a.counted, b.drawn, b.counted, results.open_count) == (3, 2, 2, 2, 1)
    assert {metric: (one.total, one.squares) for metric, one in a.outcomes.items()} == {
        "ordered": (1, 1), "orders": (2, 4), "revenue": (150_00, 150_00**2), "left": (1, 1),
        "visited": (0, 0), "opened": (0, 0), "clicked": (0, 0),
    }  # fmt: skip
    assert {metric: (one.total, one.squares) for metric, one in b.outcomes.items()} == {
        "ordered": (2, 2), "orders": (2, 2), "revenue": (110_00, 80_00**2 + 30_00**2), "left": (0, 0),
        "visited": (0, 0), "opened": (0, 0), "clicked": (0, 0),
    }  # fmt: skip
    assert set(b.effects.values()) == {None}
    assert {metric: one.events for metric, one in a.outcomes.items()} == {
        "ordered": 1, "orders": 1, "revenue": 1, "left": 1, "visited": 0, "opened": 0, "clicked": 0,
    }  # fmt: skip
    assert results.readable


@pytest.mark.django_db
def test_visits_and_clicks_count_within_the_window_and_for_the_plan(store, make_customer):
    # given two people drawn ten days ago; one visited and followed a link on the next day, the other too late
    experiment = create_experiment(actor=SYSTEM, arms=ARMS, **{**PLAN, "metric": "visited"})
    running = start_experiment(experiment=experiment, actor=SYSTEM)
    arm = running.arms.get(code="b")
    template = save_template(name="T", channel="inbox", texts=[Text("en", "Hi", "Hi")], actor=SYSTEM)
    now = timezone.now()
    for person, days in ((make_customer(), 9), (make_customer(), 1)):
        Exposure.objects.create(
            experiment=running, customer=person, arm=arm, origin="care:1", exposed_at=now - timedelta(days=10)
        )
        record_activity(
            items=[ActivityInput(f"v{days}", "view", now - timedelta(days=days), customer_number=person.number)],
            source="web", actor=SYSTEM,
        )  # fmt: skip
        message = queue_message(customer=person, template=template, origin="care:1", occurrence="1")
        LinkClick.objects.create(
            message=message, url="https://x", url_digest=b"0" * 16, clicked_at=now - timedelta(days=days)
        )
    # when
    found = results_of(running).arms[1].outcomes
    # then
    assert {metric: (one.total, one.events) for metric, one in found.items() if metric in ("visited", "clicked")} == {
        "visited": (1, 1), "clicked": (1, 1),
    }  # fmt: skip
    for metric in ("visited", "clicked"):
        Experiment.objects.update(metric=metric)
        before = baseline(Experiment.objects.get())
        assert (before.customers, before.mean) == (0, 0), "of those who ever ordered"
    with pytest.raises(Invalid):
        update_experiment(
            experiment=create_experiment(actor=SYSTEM, arms=ARMS, **{**PLAN, "name": "Other", "metric": "clicked"}),
            actor=SYSTEM, effect=Decimal("1.5"),
        )  # fmt: skip


@pytest.mark.django_db
def test_the_plan_is_stored_at_the_start_and_one_look_waits_for_its_sample(make_customer, make_order):
    # given 4 of 10 customers who order in a week
    for number in range(10):
        person = make_customer()
        make_order(person, 100, days_ago=3 if number < 4 else 30)
    refresh_everything()
    experiment = create_experiment(actor=SYSTEM, arms=ARMS, **{**PLAN, "any_time": False})
    before = baseline(experiment)
    assert (before.customers, round(before.mean, 3), round(before.variance, 4)) == (10, 0.4, round(4 * 6 / 10 / 9, 4))
    started = start_experiment(experiment=experiment, actor=SYSTEM)
    assert started.planned_count == rules.sample_needed(
        variances=(before.variance, 0.45 * 0.55), shares=(0.5, 0.5), effect=0.05, error=0.05, power=0.8
    )
    assert not results_of(started).readable
    assert results_of(end_experiment(experiment=started, actor=SYSTEM)).readable


@pytest.mark.django_db
def test_settings_are_fixed_at_the_start(running):
    before = Experiment.objects.filter(pk=running.pk).values().get()
    for change in ({"effect": Decimal("0.01")}, {"metric": "revenue"}, {"any_time": False}):
        with pytest.raises(Conflict):
            update_experiment(experiment=running, actor=SYSTEM, **change)
    with pytest.raises(Invalid):
        update_experiment(experiment=running, actor=SYSTEM, arms=[Arm("Alone")])
    assert Experiment.objects.filter(pk=running.pk).values().get() == before
    assert update_experiment(experiment=running, actor=SYSTEM, name="Renamed").name == "Renamed"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"effect": Decimal(0)}, "effect"),
        ({"effect": Decimal("1.5")}, "effect"),
        ({"window_days": 91}, "window_days"),
        ({"error_percent": 0}, "error_percent"),
        ({"salt": "mine"}, "salt"),
        ({"arms": ARMS[:1]}, "arms"),
        ({"arms": [Arm("A"), Arm("B", 0)]}, "arms"),
        ({"scope": ExperimentScope.EVERYTHING, "arms": [Arm("A"), Arm("B"), Arm("C")]}, "arms"),
    ],
)
def test_an_invalid_plan_is_refused_and_leaves_nothing(store, changes, field):
    with pytest.raises(Invalid) as refused:
        create_experiment(actor=SYSTEM, **{"arms": ARMS, **PLAN, **changes})
    assert refused.value.field == field
    assert Experiment.objects.count() == 0


@pytest.mark.django_db
def test_there_is_one_global_holdout_at_a_time(store):
    for name in ("One", "Two"):
        create_experiment(actor=SYSTEM, arms=ARMS, scope=ExperimentScope.EVERYTHING, **{**PLAN, "name": name})
    first, second = Experiment.objects.order_by("pk")
    start_experiment(experiment=first, actor=SYSTEM)
    with pytest.raises(Conflict) as refused:
        start_experiment(experiment=second, actor=SYSTEM)
    assert refused.value.code == "global_holdout_running"
    assert Experiment.objects.get(pk=second.pk).state == "draft"


def sent_to(origin: str) -> dict[int, tuple[str, str, int | None]]:
    rows = Message.objects.filter(origin=origin).values_list("customer_id", "template__name", "reason", "context")
    return {customer: (name, reason, context.get("coupon_id")) for customer, name, reason, context in rows}


@pytest.fixture
def template(store):
    def make(name: str):
        return save_template(
            name=name, channel="inbox", message_class="marketing", texts=[Text("en", "Hello", name)], actor=SYSTEM
        )

    return make


def intend(people, template, *, holdout: int = 0, experiment=None, origin: str = "broadcast:1") -> None:
    with transaction.atomic():
        queue_messages(
            rows=[Intended(person.pk, "once") for person in people],
            origin=origin,
            template=template,
            holdout_percent=holdout,
            experiment=experiment,
        )


@pytest.mark.django_db
def test_customers_get_the_template_and_coupon_of_their_arm_and_held_out_ones_are_not_drawn(
    people, template, make_coupon
):
    # given a campaign with a holdout of 20 % and an experiment with another template and a coupon in its second arm
    own, other, coupon = template("Own"), template("Other"), make_coupon(name="Gift")
    arms = [Arm("As it is"), Arm("Other", 1, other, coupon)]
    experiment = start_experiment(experiment=create_experiment(actor=SYSTEM, arms=arms, **PLAN), actor=SYSTEM)
    # when
    intend(people, own, holdout=20, experiment=experiment)
    # then
    said, arm_of = sent_to("broadcast:1"), drawn(experiment)
    held = {pk for pk, (_name, reason, _coupon) in said.items() if reason == "holdout"}
    assert held == {person.pk for person in people if bucket("broadcast:1", person.pk) < 20}
    assert arm_of.keys() == {person.pk for person in people} - held
    assert {said[pk] for pk, code in arm_of.items() if code == "a"} == {("Own", "", None)}
    assert {said[pk] for pk, code in arm_of.items() if code == "b"} == {("Other", "", coupon.pk)}
    # and a repeat adds nothing
    intend(people, own, holdout=20, experiment=experiment)
    assert Message.objects.count() == 400


@pytest.mark.django_db
def test_the_global_holdout_comes_first_and_its_preview_is_its_result(people, template):
    # given a tenth who get no marketing, and a campaign with an experiment of its own
    arms = [Arm("Nothing", 1), Arm("All", 9)]
    plan = {**PLAN, "name": "Holdout", "scope": ExperimentScope.EVERYTHING}
    everything = start_experiment(experiment=create_experiment(actor=SYSTEM, arms=arms, **plan), actor=SYSTEM)
    other = start_experiment(experiment=create_experiment(actor=SYSTEM, arms=ARMS, **PLAN), actor=SYSTEM)
    out = {person.pk for person in people if rules.share_of(everything.salt, person.pk) < 1000}
    kept = kept_out(message_class="marketing", origin="broadcast:1", holdout_percent=20)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT a.customer_id FROM (SELECT id AS customer_id FROM crm_customer) AS a WHERE {kept.out}", kept.params
        )
        before = {row[0] for row in cursor.fetchall()}
    # when
    intend(people, template("Own"), holdout=20, experiment=other)
    # then
    said = sent_to("broadcast:1")
    held = {pk for pk, (_name, reason, _coupon) in said.items() if reason == "holdout"}
    assert out
    assert held == before == out | {person.pk for person in people if bucket("broadcast:1", person.pk) < 20}
    assert {pk for pk, code in drawn(everything).items() if code == "a"} == out
    assert len(drawn(everything)) == 400
    assert drawn(other).keys() == {person.pk for person in people} - held
    # transactional messages reach them
    asked = save_template(
        name="Asked", channel="inbox", message_class="transactional", texts=[Text("en", "Hello", "x")], actor=SYSTEM
    )
    intend(people, asked, origin="broadcast:2")
    assert {reason for _name, reason, _coupon in sent_to("broadcast:2").values()} == {""}
    # and customers of the global holdout are drawn for the campaign's own holdout by the campaign's own hash
    end_experiment(experiment=everything, actor=SYSTEM)
    with transaction.atomic():
        queue_messages(
            rows=[Intended(person.pk, "twice") for person in people], origin="broadcast:1", template=template("Second"),
            holdout_percent=20,
        )  # fmt: skip
    later = {m.customer_id for m in Message.objects.filter(occurrence="twice", reason="holdout")}
    assert later == {person.pk for person in people if bucket("broadcast:1", person.pk) < 20}


@pytest.mark.django_db
def test_a_campaign_only_takes_an_experiment_that_it_can_run(people, template, store):
    letter = save_template(
        name="Letter", channel="email", message_class="marketing", texts=[Text("en", "Hello", "x")], actor=SYSTEM
    )
    other_channel = create_experiment(actor=SYSTEM, arms=[Arm("A"), Arm("B", 1, letter)], **PLAN)
    everything = create_experiment(
        actor=SYSTEM, arms=ARMS, **{**PLAN, "name": "All", "scope": ExperimentScope.EVERYTHING}
    )
    for experiment, code in ((other_channel, "wrong_channel"), (everything, "invalid_choice")):
        with pytest.raises(Invalid) as refused:
            check_experiment(experiment, template(f"T{code}"))
        assert (refused.value.field, refused.value.code) == ("experiment", code)
