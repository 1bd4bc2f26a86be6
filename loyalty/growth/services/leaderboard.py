"""Service of the leaderboard, which shows the members who chose a name for it."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.base.errors import Invalid
from core.db.locks import lock_row
from loyalty.growth.rules import shown_name_problem
from loyalty.program.models import Member

PROBLEMS = {
    "too_long": _("A leaderboard name can have at most 40 characters."),
    "not_printable": _("This name has characters that can't be shown."),
    "contact": _("Don't use an e-mail address or a phone number: everyone would see it."),
}


def set_leaderboard_name(*, member: Member, name: str, actor: Actor) -> Member:
    """Show a member under this name; an empty name takes them off.

    Raises Invalid `too_long`, `not_printable`, `contact`.
    """
    chosen = " ".join(name.split())
    problem = shown_name_problem(chosen)
    if problem:
        raise Invalid(PROBLEMS[problem], code=problem, field="name")
    with transaction.atomic():
        locked = lock_row(Member.objects.filter(pk=member.pk), weak=True)
        if locked.leaderboard_name != chosen:
            locked.leaderboard_name = chosen
            locked.save(update_fields=["leaderboard_name"])
    return locked
