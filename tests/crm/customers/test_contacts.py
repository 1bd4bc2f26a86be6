"""Staff create customers, verify and remove contacts, pin notes and answer possible duplicates."""

import pytest

from core.base.actor import SYSTEM, Actor
from core.base.errors import Conflict, Invalid
from core.events.models import DomainEvent
from crm.customers.models import Customer, DuplicateCandidate, Identity
from crm.customers.services.contacts import remove_identity, verify_identity
from crm.customers.services.customers import add_note, pin_note
from crm.customers.services.duplicates import dismiss_duplicate, reopen_duplicate
from crm.customers.services.identities import GivenIdentity, resolve_customer
from crm.customers.services.registration import create_customer

pytestmark = pytest.mark.django_db
PHONE = GivenIdentity("phone", "138 0013 8000", True)


def create(identities=(PHONE,), **profile):
    return create_customer(
        identities=identities, profile={"name": "Ann", **profile}, actor=SYSTEM, source="console", country="CN"
    )


def kinds(customer):
    return sorted(customer.identities.values_list("kind", flat=True))


def test_a_customer_is_created_with_profile_and_contacts(store):
    customer = create(region="上海")
    customer.refresh_from_db()
    assert (customer.name, customer.search_name, customer.region, customer.source) == ("Ann", "ann", "上海", "console")
    identity = customer.identities.get()
    assert (identity.kind, identity.value, identity.verified_at is not None) == ("phone", "+8613800138000", True)
    assert DomainEvent.objects.filter(kind="crm.customer_created", subject_id=customer.pk).count() == 1


@pytest.mark.parametrize(
    ("identities", "name", "code", "field"),
    [
        ((), "Ann", "required", "identities"),
        ((PHONE,), " ", "required", "name"),
        ((GivenIdentity("phone", "12", True),), "Ann", "not_a_phone", "identities.0.value"),
    ],
)
def test_an_incomplete_customer_is_refused_and_nothing_is_created(store, identities, name, code, field):
    with pytest.raises(Invalid) as refused:
        create(identities, name=name)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert Customer.objects.count() == Identity.objects.count() == 0


@pytest.mark.parametrize("verified", [True, False])
def test_a_contact_of_another_customer_is_refused_and_nothing_is_created(make_customer, verified):
    owner = make_customer("Owner", phone="13800138000")
    with pytest.raises(Conflict) as refused:
        create([GivenIdentity("phone", "13800138000", verified)])
    assert (refused.value.code, refused.value.field) == ("identity_taken", "phone")
    assert list(Customer.objects.all()) == [owner]


def test_a_contact_is_verified_once(make_customer):
    customer = make_customer("Ann")
    resolve_customer(
        [GivenIdentity("storefront", "sf-1"), GivenIdentity("email", "ann@example.com")],
        actor=SYSTEM,
        source="test",
        country="CN",
    )
    email = Identity.objects.get(kind="email")
    assert (email.customer, email.verified_at) == (customer, None)
    assert verify_identity(identity=email, actor=SYSTEM).verified_at is not None
    assert DomainEvent.objects.get(kind="crm.identity_verified").payload == {"kind": "email", "identity": email.pk}
    with pytest.raises(Conflict) as refused:
        verify_identity(identity=email, actor=SYSTEM)
    assert refused.value.code == "already_verified"
    assert DomainEvent.objects.filter(kind="crm.identity_verified").count() == 1


def test_a_device_is_not_verified(make_customer):
    device = Identity.objects.create(customer=make_customer("Ann"), kind="device", value="d", value_index=b"d")
    with pytest.raises(Invalid) as refused:
        verify_identity(identity=device, actor=SYSTEM)
    assert refused.value.code == "not_verifiable"
    device.refresh_from_db()
    assert device.verified_at is None


def test_a_contact_is_removed_but_not_the_last(make_customer):
    customer = make_customer("Ann", phone="13800138000")
    remove_identity(identity=customer.identities.get(kind="phone"), actor=SYSTEM)
    assert kinds(customer) == ["storefront"]
    assert DomainEvent.objects.get(kind="crm.identity_removed").payload == {"kind": "phone", "verified": True}
    with pytest.raises(Conflict) as refused:
        remove_identity(identity=customer.identities.get(), actor=SYSTEM)
    assert refused.value.code == "last_identity"
    assert kinds(customer) == ["storefront"]


@pytest.mark.parametrize("change", [verify_identity, remove_identity])
def test_the_contacts_of_an_erased_customer_do_not_change(make_customer, change):
    customer = make_customer("Ann", phone="13800138000")
    Customer.objects.update(state="erased")
    with pytest.raises(Conflict) as refused:
        change(identity=customer.identities.get(kind="phone"), actor=SYSTEM)
    assert refused.value.code == "customer_not_active"
    assert kinds(customer) == ["phone", "storefront"]


def test_a_note_is_pinned_and_unpinned(make_customer):
    note = add_note(customer=make_customer("Ann"), text="Allergic to nuts", actor=SYSTEM)
    assert pin_note(note=note, pinned=True, actor=SYSTEM).pinned is True
    assert pin_note(note=note, pinned=True, actor=SYSTEM).pinned is True
    assert pin_note(note=note, pinned=False, actor=SYSTEM).pinned is False
    Customer.objects.update(state="erased")
    with pytest.raises(Conflict) as refused:
        pin_note(note=note, pinned=True, actor=SYSTEM)
    assert refused.value.code == "customer_not_active"
    note.refresh_from_db()
    assert note.pinned is False


@pytest.fixture
def pair(make_customer):
    """Two customers, and a request that named a contact of each."""
    make_customer("Ann", storefront="s1", phone="13800138001")
    make_customer("Anna", storefront="s2", phone="13800138002")
    suspect()
    return DuplicateCandidate.objects.get()


def suspect():
    resolve_customer(
        [GivenIdentity("storefront", "s1"), GivenIdentity("phone", "13800138002", True)],
        actor=SYSTEM,
        source="test",
        country="CN",
    )


def test_a_pair_is_proposed_once(pair):
    suspect()
    assert DuplicateCandidate.objects.get() == pair
    assert pair.first_id < pair.second_id
    assert DomainEvent.objects.filter(kind="crm.duplicate_suspected").count() == 1


def test_the_answer_not_the_same_person_is_kept(pair):
    dismiss_duplicate(pair=pair, actor=Actor("user", 7))
    suspect()
    pair.refresh_from_db()
    assert (pair.state, pair.decided_by, pair.decided_at is not None) == ("distinct", "user:7", True)
    assert DomainEvent.objects.filter(kind="crm.duplicate_suspected").count() == 1
    dismissed = DomainEvent.objects.filter(kind="crm.duplicate_dismissed").order_by("subject_id")
    assert list(dismissed.values_list("subject_id", flat=True)) == [pair.first_id, pair.second_id]
    with pytest.raises(Conflict) as refused:
        dismiss_duplicate(pair=pair, actor=SYSTEM)
    assert refused.value.code == "already_decided"
    pair.refresh_from_db()
    assert pair.decided_by == "user:7"


def test_an_answer_is_withdrawn(pair):
    with pytest.raises(Conflict) as refused:
        reopen_duplicate(pair=pair, actor=SYSTEM)
    assert refused.value.code == "not_decided"
    dismiss_duplicate(pair=pair, actor=SYSTEM)
    reopened = reopen_duplicate(pair=pair, actor=SYSTEM)
    assert (reopened.state, reopened.decided_by, reopened.decided_at) == ("open", "", None)
