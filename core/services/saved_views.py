"""Lists as someone wants to see them again."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.errors import Conflict, Forbidden, Invalid
from core.locks import lock_row
from core.models import SavedView, User

MOST = 30
# What is typed into the search field: names, phone numbers and addresses of people.
SEARCH = "q"


def without_search(query: str) -> str:
    """Return the filters of a query string without its search text."""
    return urlencode([(name, value) for name, value in parse_qsl(query) if name != SEARCH])


def save_view(*, owner: User, page: str, name: str, query: str, shared: bool = False) -> SavedView:
    """Keep these filters under a name; one's own view of that name is replaced.

    The search text is personal data, in clear and for all staff when the view is shared: it is left out.
    """
    clean = " ".join(name.split())
    if not clean or len(clean) > 60:
        raise Invalid(_("A name has 1 to 60 characters."), code="invalid", field="name")
    kept = without_search(query)
    if not kept or len(kept) > 1000:
        message = _("Choose a filter first: a view keeps filters, not the search text.")
        raise Invalid(message, code="required", field="query")
    with transaction.atomic():
        lock_row(User.objects.filter(pk=owner.pk), weak=True)
        own = SavedView.objects.filter(owner=owner, page=page)
        if own.exclude(name=clean).count() >= MOST:
            raise Conflict(_("You have %(count)s saved views; remove one first.") % {"count": MOST}, code="too_many")
        view, _created = SavedView.objects.update_or_create(
            owner=owner, page=page, name=clean, defaults={"query": kept, "shared": shared}
        )
    return view


def remove_view(*, view: SavedView, user: User) -> None:
    """Only one's own."""
    if view.owner_id != user.pk:
        raise Forbidden()
    view.delete()
