"""Saved views: the filters of a list under a name."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.base.errors import Conflict, Forbidden, Invalid
from core.console.models import SavedView
from core.db.locks import lock_row
from core.security.models import User

MOST = 30
# The search field: it holds names, phone numbers and addresses of people.
SEARCH = "q"


def without_search(query: str) -> str:
    """Return the filters of a query string without its search text."""
    return urlencode([(name, value) for name, value in parse_qsl(query) if name != SEARCH])


def save_view(*, owner: User, page: str, name: str, query: str, shared: bool = False) -> SavedView:
    """Save filters under a name; replace the owner's view of that name.

    The search text is left out: it is personal data, and would be stored unencrypted and shown to all staff in a shared
    view.
    """
    clean = " ".join(name.split())
    if not clean or len(clean) > 60:
        raise Invalid(_("A name has 1 to 60 characters."), code="invalid", field="name")
    filters = without_search(query)
    if not filters or len(filters) > 1000:
        message = _("Choose a filter first. A view stores filters, not the search text.")
        raise Invalid(message, code="required", field="query")
    with transaction.atomic():
        lock_row(User.objects.filter(pk=owner.pk), weak=True)
        own = SavedView.objects.filter(owner=owner, page=page)
        if own.exclude(name=clean).count() >= MOST:
            raise Conflict(_("You have %(count)s saved views; remove one first.") % {"count": MOST}, code="too_many")
        view, _created = SavedView.objects.update_or_create(
            owner=owner, page=page, name=clean, defaults={"query": filters, "shared": shared}
        )
    return view


def remove_view(*, view: SavedView, user: User) -> None:
    """Delete a view. Raises Forbidden when it belongs to another user."""
    if view.owner_id != user.pk:
        raise Forbidden()
    view.delete()
