"""The large shop that `bench_console` opens page by page: customers and orders by COPY, the rest set by set.

The product's own services make everything that keeps figures of its own: features, segments, tiers, audiences of
broadcasts, journeys and their counts, kept figures of the home pages.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import transaction

from bench import bench_scale
from bench.bench_segments import leaf, rules
from bench.common import sql, timed, vacuum

NAMED = "Console"
# These steps commit their parts themselves.
ALONE = frozenset({"features", "tiers", "segments", "broadcasts", "journeys", "vacuum"})
BROADCASTS, JOURNEYS, COUPONS = 5, 2, 3
LATIN = ("Zoë Brontë", "José Núñez", "Søren Kierkegård", "François Lefèvre", "Łukasz Wójcik", "Jürgen Müller")


def make(customers: int, audience: int, tickets: int) -> None:
    """Make the shop unless it is there already; a run that was stopped continues with the step after its last one."""
    bench_scale.CUSTOMERS = customers
    bench_scale.make_shop()
    sql("CREATE TABLE IF NOT EXISTS bench_console_step (name text PRIMARY KEY)")
    done = {name for (name,) in sql("SELECT name FROM bench_console_step")}
    steps: list[tuple[str, Callable[[], object]]] = [
        ("names with accents", _rename),
        ("tags and notes", _tags),
        ("members and points", _members),
        ("redemptions and tasks", _rewards),
        ("features", _features),
        ("tiers", _tiers),
        ("tickets", lambda: _tickets(tickets)),
        ("segments", _segments),
        ("templates and coupons", lambda: _offers(audience)),
        ("experiment", lambda: _experiment(audience)),
        ("broadcasts", _broadcasts),
        ("journeys", _journeys),
        ("outcomes of messages", _outcomes),
        ("withdrawn consents", _withdrawals),
        ("events", _events),
        ("vacuum", vacuum),
    ]
    for label, step in steps:
        if label not in done:
            print(f"  {label:<28} {timed(partial(_once, label, step)):>8.1f} s", flush=True)


def _once(label: str, step: Callable[[], object]) -> None:
    """Run a step and record it, in one transaction where the step allows one."""
    with nullcontext() if label in ALONE else transaction.atomic():
        step()
        sql("INSERT INTO bench_console_step VALUES (%s)", [label])


def users() -> dict[str, Any]:
    """Return a user of each role."""
    from django.contrib.auth.models import Group

    from core.security.models import User
    from core.security.roles import Role

    made = {}
    for role in Role:
        user, _ = User.objects.get_or_create(username=f"bench-{role.value}", defaults={"is_staff": True})
        user.groups.set(Group.objects.filter(name=role.value))
        made[role.value] = user
    return made


def take_snapshots() -> None:
    """Count what a running shop keeps each night."""
    from loyalty.ledger.services.snapshots import take_snapshot
    from loyalty.program.models import Program

    for program in Program.objects.all():
        take_snapshot(program=program)


def keep_figures() -> None:
    """Count what the scheduled tasks of a running shop keep for the pages every five minutes."""
    from campaigns.reports.selectors.figures import keep_newest
    from core.console import kept

    if failed := kept.keep():
        raise RuntimeError(f"figures that could not be counted: {failed}")
    keep_newest()


def _rename() -> None:
    """Give every 50th customer a Latin name with accents, with the search column as the product writes it."""
    from crm.customers.rules.names import search_form

    for place, name in enumerate(LATIN):
        sql(
            "UPDATE crm_customer SET name = %s, search_name = %s WHERE id %% 300 = %s",
            [name, search_form(name), place * 50],
        )


def _tags() -> None:
    sql("INSERT INTO crm_tag (name) SELECT 'Bench tag ' || n FROM generate_series(1, 20) n ON CONFLICT DO NOTHING")
    sql(
        """INSERT INTO crm_customertag (customer_id, tag_id, added_by)
           SELECT c.id, t.id, 'system' FROM crm_customer c JOIN crm_tag t ON (c.id + t.id * 7919) % 20 = 0"""
    )
    sql(
        """INSERT INTO crm_note (customer_id, text, pinned, created_at)
           SELECT id, 'Prefers a call in the evening', false, now() - random() * interval '300 days'
           FROM crm_customer WHERE id % 20 = 0"""
    )


def _members() -> None:
    """Enrol seven of ten customers; each earned twice, and a lot expires within the year."""
    from loyalty.earning.services.setup import ensure_default_program

    program = ensure_default_program()
    assert program is not None
    points = program.point_types.get(spendable=True)
    sql(
        """INSERT INTO loyalty_member (program_id, customer_id, state, qualifying, enrolled_at, suspended_at,
                                       suspension_reason)
           SELECT %s, id, CASE WHEN id %% 1000 = 1 THEN 'suspended' ELSE 'active' END, 0, created_at,
                  CASE WHEN id %% 1000 = 1 THEN now() END, CASE WHEN id %% 1000 = 1 THEN 'other' ELSE '' END
           FROM crm_customer WHERE id %% 10 < 7""",
        [program.pk],
    )
    sql(
        """INSERT INTO loyalty_account (member_id, point_type_id, available, pending, held, debt)
           SELECT id, %s, 200 + id %% 1000, 0, 0, 0 FROM loyalty_member""",
        [points.pk],
    )
    sql(
        """INSERT INTO loyalty_entry (account_id, kind, available, pending, held, debt, reference, reason, actor,
                                      occurred_at)
           SELECT a.id, 'earn', CASE n WHEN 1 THEN 200 ELSE 1 + a.member_id % 1000 END, 0, 0, 0, '', '', 'system',
                  now() - n * interval '1 day' * (1 + a.id % 100)
           FROM loyalty_account a, generate_series(1, 2) n WHERE n = 1 OR a.member_id % 1000 > 0"""
    )
    sql(
        """INSERT INTO loyalty_lot (account_id, source, entry_id, points, remaining, held, expired, available_from,
                                    confirmed_at, expires_at)
           SELECT account_id, 'order', id, available, available, 0, 0, occurred_at, occurred_at,
                  occurred_at + interval '1 year' FROM loyalty_entry"""
    )


def _rewards() -> None:
    """Redeem a reward for every tenth member; the last ones wait to be sent. Let members pass through a task."""
    from django.utils import timezone

    from core.base.actor import SYSTEM
    from loyalty.growth.services.tasks import Level, create_task
    from loyalty.program.models import Program
    from loyalty.rewards.services.rewards import create_reward

    program = Program.objects.get(is_default=True)
    rewards = [
        create_reward(program=program, kind="gift", name=f"{NAMED} gift {n}", points=10, actor=SYSTEM).pk
        for n in range(4)
    ]
    sql("CREATE TEMP TABLE redeemed AS SELECT a.id AS account, a.member_id, gen_random_uuid() AS hold,"
        " now() - random() * interval '300 days' AS at, a.member_id % 200 = 0 AS placed"
        " FROM loyalty_account a WHERE a.member_id % 10 = 0")  # fmt: skip
    sql(
        """WITH entry AS (
               INSERT INTO loyalty_entry (account_id, kind, available, pending, held, debt, hold_id, reference, reason,
                                          actor, occurred_at)
               SELECT account, 'redeem', -10, 0, 0, 0, hold, '', '', 'system', at FROM redeemed RETURNING id, hold_id)
           INSERT INTO loyalty_hold (id, account_id, entry_id, points, captured, returned, state, reference, expires_at,
                                     created_at, ended_at)
           SELECT r.hold, r.account, e.id, 10, CASE WHEN placed THEN 0 ELSE 10 END, 0,
                  CASE WHEN placed THEN 'held' ELSE 'captured' END, '', at + interval '1 year', at,
                  CASE WHEN NOT placed THEN at END
           FROM redeemed r JOIN entry e ON e.hold_id = r.hold"""
    )
    sql(
        """INSERT INTO loyalty_rewardredemption (id, reward_id, member_id, hold_id, points, money, state, tracking,
               reference, outcome, error, attempts, actor, placed_at, ended_at)
           SELECT gen_random_uuid(), (%s::bigint[])[1 + member_id %% 4], member_id, hold, 10, 0,
                  CASE WHEN placed THEN 'placed' WHEN member_id %% 3 = 0 THEN 'shipped' ELSE 'fulfilled' END, '', '',
                  '{}', '', 0, 'system', at, CASE WHEN NOT placed THEN at END FROM redeemed""",
        [rewards],
    )
    sql("DROP TABLE redeemed")
    for place in range(3):
        task = create_task(
            program=program,
            name=f"{NAMED} task {place}",
            trigger="order",
            levels=[Level(1, points=1), Level(5, points=5)],
            starts_at=timezone.now() - timedelta(days=60),
            actor=SYSTEM,
        )
        sql(
            """INSERT INTO loyalty_taskprogress (member_id, task_id, period_start, count, best, level, started_at,
                                                 updated_at, completed_at)
               SELECT id, %s, '2000-01-01', 1 + id %% 5, 1 + id %% 5, CASE WHEN id %% 5 = 4 THEN 2 ELSE 1 END, now(),
                      now(), CASE WHEN id %% 5 = 4 THEN now() END
               FROM loyalty_member WHERE id %% 4 = %s""",
            [task.pk, place],
        )


def _features() -> None:
    from analytics.features.services import features

    vacuum()
    features.refresh_everything()


def _tiers() -> None:
    from loyalty.program.models import Program
    from loyalty.tiers.services.evaluation import evaluate_tiers

    evaluate_tiers(program=Program.objects.get(is_default=True), downgrade=True)


def _tickets(count: int) -> None:
    """Open tickets of random customers; one of ten is unresolved, and half of the others were rated."""
    staff = [user.pk for user in users().values()]
    sql(
        """INSERT INTO crm_ticket (customer_id, subject, status, priority, origin, origin_ref, internal, assignee_id,
               created_at, updated_at, waiting_since, resolved_at, resolution_count)
           SELECT c.id, 'Where is my parcel ' || n, status, 1 + n %% 4, 'api', '', false,
                  CASE WHEN n %% 3 > 0 THEN (%s::bigint[])[1 + n %% cardinality(%s::bigint[])] END, at,
                  at + interval '1 hour', at,
                  CASE WHEN status IN ('resolved', 'closed') THEN at + interval '1 hour' END,
                  CASE WHEN status IN ('resolved', 'closed') THEN 1 ELSE 0 END
           FROM (SELECT n, (1 + random() * (SELECT max(id) - 1 FROM crm_customer))::bigint AS customer,
                        now() - random() * interval '300 days' AS at,
                        CASE n %% 20 WHEN 0 THEN 'open' WHEN 1 THEN 'pending' WHEN 2 THEN 'closed' ELSE 'resolved'
                        END AS status
                 FROM generate_series(1, %s) n) drawn
           JOIN crm_customer c ON c.id = drawn.customer""",
        [staff, staff, count],
    )
    sql(
        """INSERT INTO crm_ticketmessage (ticket_id, author_kind, text, internal, created_at)
           SELECT id, CASE n WHEN 1 THEN 'customer' ELSE 'staff' END, 'It was announced for Monday.', false,
                  created_at + n * interval '10 minutes' FROM crm_ticket, generate_series(1, 3) n"""
    )
    sql(
        """INSERT INTO crm_ticketrating (ticket_id, resolution, score, comment, answered_at)
           SELECT id, 1, 1 + id % 5, '', resolved_at FROM crm_ticket WHERE resolution_count = 1 AND id % 2 = 0"""
    )


def _segments() -> None:
    from analytics.segments.services import runs as segment_runs
    from analytics.segments.services import segments
    from core.base.actor import SYSTEM

    tree = {"op": "and", "children": [leaf("sample", "has", percent=15, draw=NAMED)]}
    for place, rule in enumerate([tree, *rules()[:20]]):
        segments.create_segment(name=f"{NAMED} segment {place}", rule=rule, actor=SYSTEM)
    segment_runs.compute_segments()
    sql(
        """INSERT INTO analytics_segmentday (segment_id, day, size, entered_count, left_count)
           SELECT s.id, current_date - n, s.size, 100, 100 FROM analytics_segment s, generate_series(1, 90) n
           ON CONFLICT DO NOTHING"""
    )


def _template(place: int) -> Any:
    from campaigns.templates.models import Template

    return Template.objects.get(name=f"{NAMED} template {place}")


def _everyone() -> Any:
    from analytics.segments.models import Segment

    return Segment.objects.get(name=f"{NAMED} segment 0")


def _offers(audience: int) -> None:
    from campaigns.templates.services.templates import Text, save_template
    from core.base.actor import SYSTEM

    for place, channel in enumerate(["inbox", "inbox", "email"]):
        text = Text("en", "<p>Hello {{ customer.first_name }}. {{ links.unsubscribe }}</p>", "Hello")
        save_template(name=f"{NAMED} template {place}", channel=channel, texts=[text], actor=SYSTEM)
    _coupons(audience)


def _coupons(audience: int) -> None:
    """Issue a code of each coupon to many customers; one of five is used in an order."""
    from campaigns.coupons.services.coupons import create_coupon
    from core.base.actor import SYSTEM

    for place in range(COUPONS):
        coupon = create_coupon(name=f"{NAMED} coupon {place}", kind="amount", value=500, actor=SYSTEM)
        sql(
            """INSERT INTO campaigns_couponcode (coupon_id, code, customer_id, reserved_count, redeemed_count,
                                                 use_limit, issued_for, created_at)
               SELECT %s, 'B' || %s || 'X' || id, id, 0, CASE WHEN id %% 5 = %s THEN 1 ELSE 0 END, 1, 'bench',
                      now() - interval '20 days'
               FROM crm_customer ORDER BY id LIMIT %s""",
            [coupon.pk, coupon.pk, place, audience],
        )
        sql(
            """INSERT INTO campaigns_couponuse (id, coupon_id, code_id, customer_id, order_reference, state,
                   cart_amount, discount, reserved_at, expires_at, redeemed_at)
               SELECT gen_random_uuid(), k.coupon_id, k.id, k.customer_id, coalesce(o.number, ''), 'redeemed',
                      5000, 500, k.created_at, k.created_at + interval '1 day', k.created_at
               FROM campaigns_couponcode k
               LEFT JOIN LATERAL (SELECT number FROM crm_order o WHERE o.customer_id = k.customer_id
                                  ORDER BY placed_at DESC LIMIT 1) o ON true
               WHERE k.coupon_id = %s AND k.redeemed_count = 1""",
            [coupon.pk],
        )
        sql(
            """UPDATE campaigns_coupon SET issued_count = %s, redeemed_count = n, redeemed_amount = n * 500
               FROM (SELECT count(*) AS n FROM campaigns_couponuse WHERE coupon_id = %s) used WHERE id = %s""",
            [audience, coupon.pk, coupon.pk],
        )


def _experiment(audience: int) -> None:
    from campaigns.experiments.services.experiments import Arm, create_experiment, start_experiment
    from core.base.actor import SYSTEM

    arms = [Arm("As it is", template=_template(0)), Arm("Shorter", template=_template(1))]
    experiment = create_experiment(actor=SYSTEM, arms=arms, name=f"{NAMED} experiment", effect=Decimal("0.05"))
    start_experiment(experiment=experiment, actor=SYSTEM)
    sql(
        """INSERT INTO campaigns_exposure (experiment_id, customer_id, arm_id, origin, exposed_at)
           SELECT %s, id, (%s::bigint[])[1 + id %% 2], 'bench', now() - interval '1 day' * (16 + id %% 10)
           FROM crm_customer WHERE id %% 3 = 0 ORDER BY id LIMIT %s""",
        [experiment.pk, list(experiment.arms.values_list("pk", flat=True)), audience],
    )
    sql("UPDATE campaigns_experiment SET started_at = now() - interval '30 days' WHERE id = %s", [experiment.pk])


def _broadcasts() -> None:
    from campaigns.broadcasts.services.broadcasts import create_broadcast, schedule_broadcast
    from campaigns.broadcasts.services.runs import run_broadcasts
    from core.base.actor import SYSTEM

    sql(
        """INSERT INTO crm_consent (customer_id, channel, purpose, decision, source, evidence, given_at, actor)
           SELECT id, 'inbox', 'marketing', 'granted', 'bench', '', now(), 'system' FROM crm_customer c
           WHERE NOT EXISTS (SELECT FROM crm_consentstate s WHERE s.customer_id = c.id AND s.channel = 'inbox')"""
    )
    for place in range(BROADCASTS):
        broadcast = create_broadcast(
            name=f"{NAMED} broadcast {place}",
            segment=_everyone(),
            template=_template(0),
            actor=SYSTEM,
            holdout_percent=10,
        )
        schedule_broadcast(broadcast=broadcast, actor=SYSTEM)
    run_broadcasts()


def _journeys() -> None:
    """Let the members of a segment pass through two messages, each in one arm of a split."""
    from campaigns.journeys.services.engine import advance_due
    from campaigns.journeys.services.entries import enter_members
    from campaigns.journeys.services.journeys import create_journey, publish_journey
    from core.base.actor import SYSTEM

    segment = _everyone()
    steps = [
        {"id": "s1", "kind": "message", "template": str(_template(0).pk)},
        {"id": "s2", "kind": "wait", "amount": 5, "unit": "days"},
        {"id": "s3", "kind": "message", "template": str(_template(1).pk)},
    ]
    for place in range(JOURNEYS):
        draft = {"entry": {"kind": "segment", "segment": segment.pk, "members": True}, "steps": steps}
        journey = create_journey(name=f"{NAMED} journey {place}", draft=draft, actor=SYSTEM)
        publish_journey(journey=journey, actor=SYSTEM)
        journey.refresh_from_db()
        enter_members(journey=journey)
    advance_due(seconds=3600)
    # the wait of half of them is over
    sql("UPDATE campaigns_journeyrun SET waits_until = now(), due_at = now() WHERE state = 'active' AND id % 2 = 0")
    advance_due(seconds=3600)


def _outcomes() -> None:
    """Let the queued messages of the last month have been sent, opened, clicked, refused and reported as failed."""
    sql(
        """UPDATE campaigns_message m SET
               state = outcome, created_at = at, due_at = at, decided_at = at, wanted_at = at, language = 'en',
               subject = 'Hello', body = repeat('Your points are waiting. ', 20), attempts = 1,
               reason = CASE outcome WHEN 'suppressed' THEN 'frequency' WHEN 'failed' THEN 'bounce' ELSE '' END,
               sent_at = CASE WHEN outcome IN ('sent', 'failed') THEN at END,
               delivered_at = CASE WHEN outcome = 'sent' THEN at END,
               opened_at = CASE WHEN outcome = 'sent' AND draw % 3 = 0 THEN at + interval '3 hours' END,
               clicked_at = CASE WHEN outcome = 'sent' AND draw % 12 = 0 THEN at + interval '4 hours' END
           FROM (
               SELECT id, draw, now() - interval '1 day' * (1 + abs(hashtext(origin)) % 25)
                                - interval '1 minute' * (draw % 600) AS at,
                      CASE WHEN draw % 50 = 0 THEN 'failed' WHEN draw % 10 = 1 THEN 'suppressed' ELSE 'sent'
                      END AS outcome
               FROM (SELECT id, origin, abs(hashtext(id::text)) AS draw FROM campaigns_message
                     WHERE state = 'queued') queued) drawn
           WHERE drawn.id = m.id"""
    )
    sql("UPDATE campaigns_message SET created_at = now() - interval '20 days' WHERE reason = 'holdout'")
    sql("UPDATE campaigns_broadcast SET state = 'done', finished_at = now(), created_at = now() - interval '26 days'")
    sql(
        """INSERT INTO campaigns_linkclick (message_id, url, url_digest, clicked_at)
           SELECT id, 'https://shop.example/new', decode(md5('https://shop.example/new'), 'hex'), clicked_at
           FROM campaigns_message WHERE clicked_at IS NOT NULL"""
    )
    sql(
        """INSERT INTO campaigns_suppression (customer_id, channel, reason, created_at)
           SELECT id, 'email', 'complaint', now() - random() * interval '300 days'
           FROM crm_customer WHERE id % 50 = 0"""
    )


def _withdrawals() -> None:
    """Let one customer of sixty withdraw the consent by a link in a message that they opened."""
    sql(
        """INSERT INTO crm_consent (customer_id, channel, purpose, decision, source, evidence, given_at, actor)
           SELECT customer_id, 'inbox', 'marketing', 'withdrawn', 'link', 'message ' || id,
                  sent_at + interval '5 hours', 'system'
           FROM (SELECT DISTINCT ON (customer_id) * FROM campaigns_message
                 WHERE state = 'sent' AND opened_at IS NOT NULL AND abs(hashtext(id::text)) % 60 = 0) opened"""
    )


def _events() -> None:
    """Write the events of the timeline that the steps above leave out, and let all deliveries be done."""
    sql("TRUNCATE core_eventdelivery")
    sql(
        """INSERT INTO core_domainevent (kind, subject_id, payload, actor, request_id, occurred_at, recorded_at)
           SELECT 'loyalty.points_earned', m.customer_id, jsonb_build_object('points', e.available), 'system', '',
                  e.occurred_at, e.occurred_at
           FROM loyalty_entry e JOIN loyalty_account a ON a.id = e.account_id
           JOIN loyalty_member m ON m.id = a.member_id
           WHERE e.kind = 'earn'"""
    )
    sql(
        """INSERT INTO core_domainevent (kind, subject_id, payload, actor, request_id, occurred_at, recorded_at)
           SELECT 'campaigns.message_sent', customer_id, jsonb_build_object('channel', channel, 'subject', subject),
                  'system', '', sent_at, sent_at
           FROM campaigns_message WHERE state = 'sent'"""
    )
    sql(
        """INSERT INTO core_domainevent (kind, subject_id, payload, actor, request_id, occurred_at, recorded_at)
           SELECT 'crm.ticket_opened', customer_id, jsonb_build_object('subject', subject), 'system', '', created_at,
                  created_at
           FROM crm_ticket"""
    )
