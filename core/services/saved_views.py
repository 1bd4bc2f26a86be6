"""Lists as someone wants to see them again."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.errors import Conflict, Forbidden, Invalid
from core.locks import lock_row
from core.models import SavedView, User

MOST = 30


def save_view(*, owner: User, page: str, name: str, query: str, shared: bool = False) -> SavedView:
    """Keep these filters under a name; one's own view of that name is replaced."""
    clean = " ".join(name.split())
    if not clean or len(clean) > 60:
        raise Invalid(_("A name has 1 to 60 characters."), code="invalid", field="name")
    if not query or len(query) > 1000:
        raise Invalid(_("Search or filter first: there is nothing to keep."), code="required", field="query")
    with transaction.atomic():
        lock_row(User.objects.filter(pk=owner.pk), weak=True)
        own = SavedView.objects.filter(owner=owner, page=page)
        if own.exclude(name=clean).count() >= MOST:
            raise Conflict(_("You have %(count)s saved views; remove one first.") % {"count": MOST}, code="too_many")
        view, _created = SavedView.objects.update_or_create(
            owner=owner, page=page, name=clean, defaults={"query": query, "shared": shared}
        )
    return view


def remove_view(*, view: SavedView, user: User) -> None:
    """Only one's own."""
    if view.owner_id != user.pk:
        raise Forbidden()
    view.delete()
