"""Test that a template fits its use when it is saved, when the use starts, and when it is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest
from django.core import mail

from campaigns.broadcasts.services.broadcasts import create_broadcast, schedule_broadcast, update_broadcast
from campaigns.broadcasts.services.runs import run_broadcasts
from campaigns.care.services.care import activate_care_rule, create_care_rule
from campaigns.care.services.presets import ensure_presets
from campaigns.channels.rules import to_text
from campaigns.coupons.models import CouponCode
from campaigns.experiments.services.experiments import Arm, create_experiment
from campaigns.journeys.services.journeys import create_journey, problems, publish_journey
from campaigns.messages.models import Message
from campaigns.messages.services import messages
from campaigns.templates.models import Template, TemplateText
from campaigns.templates.rules import fields as template_fields
from campaigns.templates.rules import liquid
from campaigns.templates.services import contexts
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid
from crm.customers.services.consents import record_consent
from tests.campaigns.conftest import policy
from tests.segments import put_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def make_template(store):
    made = 0

    def make(*bodies, channel="inbox", **fields):
        nonlocal made
        made += 1
        texts = [Text(language, body, "Hi") for language, body in zip(("en", "zh-hans"), bodies, strict=False)]
        return save_template(name=f"Template {made}", channel=channel, texts=texts, actor=SYSTEM, **fields)

    return make


@pytest.fixture
def segment(store, make_customer):
    from analytics.segments.services.segments import create_segment

    segment = create_segment(name="People", rule={"op": "and", "children": []}, actor=SYSTEM)
    put_in(segment, *(make_customer(email=f"p{n}@example.com") for n in range(3)))
    return segment


def write(template, body, language="en"):
    """Save a text as before the check existed."""
    TemplateText.objects.filter(template=template, language=language).update(body=body)
    from campaigns.templates.services.templates import pick_text

    pick_text.cache_clear()


@pytest.mark.parametrize(
    ("body", "code", "asked", "nearest"),
    [
        ("{{ customer.first_nam }}", "unknown_field", "customer.first_nam", "customer.first_name"),
        ("{{ custmer.name }}", "unknown_variable", "custmer", "customer"),
        ("{% for i in order.items %}{{ i.nam }}{% endfor %}", "unknown_field", "i.nam", "i.name"),
        ("{% assign c = coupon %}{{ c.cod }}", "unknown_field", "c.cod", "c.code"),
        ("{{ order.items[0].quantty }}", "unknown_field", "order.items[0].quantty", "order.items.0.quantity"),
        ("{% if member.teir == 'x' %}{% endif %}", "unknown_field", "member.teir", "member.tier"),
        ("{{ customer.name | append: member.pints }}", "unknown_field", "member.pints", "member.points"),
        ("{{ segment.xyz }}", "unknown_field", "segment.xyz", "segment.name"),
    ],
)
def test_saving_refuses_a_field_that_does_not_exist_and_names_the_nearest(store, body, code, asked, nearest):
    with pytest.raises(Invalid) as refused:
        save_template(name="Slip", channel="inbox", texts=[Text("en", f"Hi\n{body}", "Hi")], actor=SYSTEM)
    assert (refused.value.code, refused.value.field, refused.value.details["line"]) == (code, "texts.0.body", 2)
    assert asked in str(refused.value.message)
    assert nearest in str(refused.value.message)
    assert not Template.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        "{{ customer.first_name.size }}{{ order.items.first.name }}{{ order.items.size }}{{ forloop.index }}",
        "{% for p in recommendations.items %}{{ p.price }}{{ forloop.last }}{% endfor %}",
        "{% capture x %}{{ shop.name }}{% endcapture %}{{ x }}{{ customer['name'] }}{{ today }}",
        "{% assign n = member.points | plus: 1 %}{{ n }}{% case rfm.group %}{% when 'x' %}{{ rfm.money }}{% endcase %}",
    ],
)
def test_existing_fields_are_accepted(store, body):
    save_template(name="Right", channel="inbox", texts=[Text("en", body, "Hi")], actor=SYSTEM)


def spelled(before: str, shape) -> Iterator[str]:
    """Yield every field of a shape by its whole path."""
    if isinstance(shape, Mapping) and shape is not template_fields.ANYTHING:
        for name, inner in shape.items():
            yield from spelled(f"{before}.{name}" if before else name, inner)
    elif isinstance(shape, Sequence):
        yield from spelled(before, shape[0])
    else:
        yield before


def test_every_accepted_field_is_known_to_messages(store):
    sample = contexts.sample_context("en")
    paths = set(spelled("", template_fields.SHAPES))
    assert len(paths) > 30
    for path in paths:
        root, *rest = path.split(".")
        if root in ("forloop", "today", "values", "*"):
            continue
        value = sample[root]
        for part in rest:
            value = value[0] if isinstance(value, list) else value
            assert part in value, path
            value = value[part]


def test_a_broadcast_whose_text_does_not_show_its_coupon_is_refused(make_template, make_coupon, segment):
    coupon = make_coupon(limit_per_customer=None)
    plain, shown = make_template("Hi", "您好"), make_template("{{ coupon.code }}", "您好 {{ coupon.code }}")
    half = make_template("{{ coupon.code }}", "您好")
    for template in (plain, half):
        with pytest.raises(Invalid) as refused:
            create_broadcast(name="B", segment=segment, template=template, coupon=coupon, actor=SYSTEM)
        assert (refused.value.code, refused.value.field) == ("coupon_not_shown", "coupon")
    broadcast = create_broadcast(name="B", segment=segment, template=shown, coupon=coupon, actor=SYSTEM)
    with pytest.raises(Invalid):
        update_broadcast(broadcast=broadcast, template=plain, actor=SYSTEM)
    broadcast.refresh_from_db()
    assert broadcast.template == shown


def test_a_text_with_a_coupon_that_is_not_given_is_refused(make_template, segment):
    for body in ("{{ coupon.code }}", "{% if coupon.code %}{{ coupon.code }}{% endif %}"):
        with pytest.raises(Invalid) as refused:
            create_broadcast(name="B", segment=segment, template=make_template(body), actor=SYSTEM)
        assert (refused.value.code, refused.value.field) == ("coupon_missing", "coupon")
        with pytest.raises(Invalid) as refused:
            create_care_rule(name="R", trigger="birthday", template=make_template(body), actor=SYSTEM)
        assert refused.value.code == "coupon_missing"


def test_a_field_that_the_use_does_not_bring_is_refused(make_template, segment):
    template = make_template("Order {{ order.number }}")
    with pytest.raises(Invalid) as refused:
        create_broadcast(name="B", segment=segment, template=template, actor=SYSTEM)
    assert (refused.value.code, refused.value.field) == ("field_not_brought", "template")
    assert "order.number" in str(refused.value.message)
    with pytest.raises(Invalid):
        create_care_rule(name="R", trigger="birthday", template=template, actor=SYSTEM)
    create_care_rule(name="R", trigger="after_purchase", days=1, template=template, actor=SYSTEM)
    guarded = make_template("{% if order.number %}{{ order.number }}{% endif %}")
    create_broadcast(name="B", segment=segment, template=guarded, actor=SYSTEM)


def test_an_experiment_with_and_without_a_coupon_may_share_a_guarded_text(make_template, make_coupon, segment):
    guarded = make_template("Hi {% if coupon.code %}{{ coupon.code }}{% endif %}")
    arms = [Arm("Without"), Arm("With", coupon=make_coupon(limit_per_customer=None))]
    experiment = create_experiment(name="E", actor=SYSTEM, arms=arms, effect=__import__("decimal").Decimal("0.05"))
    create_broadcast(name="B", segment=segment, template=guarded, experiment=experiment, actor=SYSTEM)
    with pytest.raises(Invalid) as refused:
        create_broadcast(
            name="C", segment=segment, template=make_template("{{ coupon.code }}"), experiment=experiment, actor=SYSTEM
        )
    assert refused.value.code == "coupon_missing"


def message(template, own="m"):
    return {"id": own, "kind": "message", "template": str(template.pk)}


def journey(*steps, entry=None):
    return create_journey(name="J", draft={"entry": entry or {"kind": "api"}, "steps": list(steps)}, actor=SYSTEM)


def test_a_journeys_messages_and_coupons_fit(make_template, make_coupon):
    coupon = {"id": "c", "kind": "coupon", "coupon": str(make_coupon().pk)}
    plain, code = make_template("Hi"), make_template("{{ coupon.code }}")
    guarded = make_template("Hi {% if coupon.code %}{{ coupon.code }}{% endif %}")

    def faults(*steps):
        found = [(fault.step, fault.field) for fault in problems({"entry": {"kind": "api"}, "steps": list(steps)})]
        return sorted(found)

    assert faults(coupon, message(code)) == []
    assert faults(message(code), coupon) == [("m", "coupon")]
    assert faults(message(guarded)) == [("m", "coupon")]
    assert faults(coupon, message(plain)) == [("c", "coupon")], "its code is never seen"
    assert faults(coupon, message(plain), message(code, "n")) == []
    assert faults(coupon, message(make_template("{{ coupon.code }}", "您好"))) == [("c", "coupon"), ("m", "coupon")]
    rule = {"op": "and", "children": [{"condition": "order_count", "operator": "gte", "value": 1}]}
    branch = {"id": "b", "kind": "branch", "rule": rule, "arms": {"yes": [coupon], "no": []}}
    assert faults(branch, message(code)) == [("m", "coupon")], "not everyone has one by then"
    assert faults(branch, message(guarded)) == []
    made = journey(message(code))
    with pytest.raises(Invalid) as refused:
        publish_journey(journey=made, actor=SYSTEM)
    assert refused.value.code == "journey_invalid"
    made.refresh_from_db()
    assert (made.state, made.version) == ("draft", None)


def test_new_texts_of_a_template_in_use_have_to_fit_too(make_template, make_coupon):
    template = make_template("{{ coupon.code }}")
    rule = create_care_rule(name="R", trigger="birthday", template=template, coupon=make_coupon(), actor=SYSTEM)

    def rewrite():
        return save_template(
            name=template.name, channel="inbox", texts=[Text("en", "Hi", "Hi")], template=template, actor=SYSTEM
        )

    rewrite()
    save_template(
        name=template.name, channel="inbox", texts=[Text("en", "{{ coupon.code }}", "Hi")], template=template,
        actor=SYSTEM,
    )  # fmt: skip
    activate_care_rule(rule=rule, actor=SYSTEM)
    with pytest.raises(Conflict) as refused:
        rewrite()
    assert (refused.value.code, refused.value.field) == ("coupon_not_shown", "texts")
    assert "“R”" in str(refused.value.message)
    template.refresh_from_db()
    assert template.version == 3
    order = make_template("Hi")
    publish_journey(journey=journey(message(order)), actor=SYSTEM)
    with pytest.raises(Conflict) as refused:
        save_template(
            name=order.name, channel="inbox", texts=[Text("en", "{{ order.number }}", "Hi")], template=order,
            actor=SYSTEM,
        )  # fmt: skip
    assert refused.value.code == "field_not_brought"


def test_no_code_is_used_up_for_a_text_that_does_not_show_it(make_template, make_coupon, segment):
    policy()
    template = make_template("{{ coupon.code }}")
    coupon = make_coupon(limit_per_customer=None)
    broadcast = create_broadcast(name="B", segment=segment, template=template, coupon=coupon, actor=SYSTEM)
    schedule_broadcast(broadcast=broadcast, actor=SYSTEM)
    write(template, "Hi")
    run_broadcasts()
    messages.send_due()
    assert (Message.objects.filter(body="Hi").count(), CouponCode.objects.count()) == (3, 0)


def test_a_text_with_a_gap_is_not_sent(make_template, segment):
    policy()
    missing, slip = make_template("Hi"), make_template("Hi")
    for name, template in (("A", missing), ("B", slip)):
        broadcast = create_broadcast(name=name, segment=segment, template=template, actor=SYSTEM)
        schedule_broadcast(broadcast=broadcast, actor=SYSTEM)
    write(missing, "Code {{ coupon.code }}")
    write(slip, "Hi {{ customer.first_nam }}")
    run_broadcasts()
    messages.send_due()
    assert set(Message.objects.values_list("template_id", "state", "error")) == {
        (missing.pk, "failed", "en: the text shows a coupon, and this message brings none."),
        (slip.pk, "failed", "en: there is no field “customer.first_nam”."),
    }


FOOT = '<p style="color:#666;font-size:12px"><a href="{}">{}</a> · Test Shop</p>'


@pytest.mark.parametrize(
    ("body", "added"),
    [
        ("<p>Hi</p>", True),
        ("Hi", True),
        ('<p><a href="{{ links.unsubscribe }}">leave</a></p>', False),
        ("<p>Leave at {{ links.unsubscribe }}</p>", False),
        ('<p><a href="{{ links.unsubscribe }}"></a></p>', True),
        ('<p><a style="display:none" href="{{ links.unsubscribe }}">x</a></p>', True),
        ('<p><a href="{{ links.preferences }}">preferences</a></p>', True),
    ],
)
@pytest.mark.parametrize(("language", "label"), [("en", "Unsubscribe"), ("zh-hans", "退订")])
def test_marketing_e_mail_shows_one_unsubscribe_link(make_customer, store, body, added, language, label):
    policy()
    texts = [Text("en", body, "Hi"), Text("zh-hans", body, "您好")]
    template = save_template(name="Mail", channel="email", texts=texts, actor=SYSTEM)
    customer = make_customer(email="ada@example.com", language=language)
    record_consent(
        customer=customer, channel="email", purpose="marketing", decision="granted", source="test", actor=SYSTEM
    )
    made = messages.queue_message(customer=customer, template=template, origin="test", occurrence="1")
    messages.send_due()
    sent = mail.outbox[0]
    html = sent.alternatives[0][0]
    link = contexts.unsubscribe_url(made.pk, customer.pk, "email")
    assert (FOOT.format(link, label) in html) is added
    assert sent.body == to_text(html)
    assert (f"{label} ({link})" in sent.body) is added
    assert html.count(label) == int(added)
    assert sent.extra_headers["List-Unsubscribe"] == f"<{link}>"


def test_transactional_messages_have_no_unsubscribe_link(make_customer, store):
    policy()
    template = save_template(
        name="Mail", channel="email", texts=[Text("en", "<p>Hi</p>", "Hi")], actor=SYSTEM, message_class="transactional"
    )
    customer = make_customer(email="ada@example.com")
    messages.queue_message(customer=customer, template=template, origin="test", occurrence="1")
    messages.send_due()
    assert mail.outbox[0].alternatives[0][0] == "<p>Hi</p>"


def test_ready_made_templates_fit_their_rules(store, segment):
    rules = ensure_presets(store, active=("birthday", "thanks", "winback", "welcome", "expiring"), segment=segment)
    assert {rule.state for rule in rules.values()} == {"active"}
    for row in TemplateText.objects.all():
        liquid.check(row.body, html=False)
