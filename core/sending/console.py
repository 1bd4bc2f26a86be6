"""Pages to stop all outgoing messages and webhooks, see what is pending, decide about it, and start again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from core.base.actor import of_user
from core.console.views import page
from core.security.models import User
from core.sending import services as sending_hold
from core.sending.registry import WAITING
from core.text.formatting import number

CHANGE = "core.change_sendinghold"


@page(CHANGE)
def show(request: HttpRequest) -> HttpResponse:
    row = sending_hold.state()
    figures = sending_hold.count_waiting(row)
    kinds = []
    for name, count in figures.items():
        waiting = WAITING[name]
        choice_made = row.decisions.get(name, "")
        kinds.append(
            {
                "name": name,
                "label": waiting.label,
                "uncertain": count.uncertain,
                "waiting": count.waiting,
                "choices": [(choice.value, label) for choice, label in waiting.choices.items()],
                "chosen": choice_made,
                "chosen_label": next((label for choice, label in waiting.choices.items() if choice == choice_made), ""),
            }
        )
    context = {
        "hold": row,
        "kinds": kinds,
        "by": _name_of(row.held_by),
        "open": [kind["label"] for kind in kinds if kind["uncertain"] and not kind["chosen"]],
        "waiting": sum(kind["waiting"] for kind in kinds),
    }
    return render(request, "core/sending/sending_hold.html", context)


@page(CHANGE, methods=("POST",))
def stop(request: HttpRequest) -> HttpResponse:
    sending_hold.hold(note=request.POST.get("note", "").strip(), actor=of_user(request.user))
    messages.success(request, _t("Sending is held. Nothing leaves the shop until you start it again."))
    return redirect("sending_hold")


@page(CHANGE, methods=("POST",))
def decide(request: HttpRequest) -> HttpResponse:
    count = sending_hold.decide(
        kind=request.POST.get("kind", ""), choice=request.POST.get("choice", ""), actor=of_user(request.user)
    )
    text = ngettext("Decision applied to %(count)s item.", "Decision applied to %(count)s items.", count)
    messages.success(request, text % {"count": number(count)})
    return redirect("sending_hold")


@page(CHANGE, methods=("POST",))
def start(request: HttpRequest) -> HttpResponse:
    sending_hold.start(actor=of_user(request.user))
    messages.success(request, _t("Sending has started. Pending messages and deliveries go out now."))
    return redirect("sending_hold")


def _name_of(actor: str) -> str:
    """Return the name of the member of staff who held sending; "" when the system did."""
    kind, _colon, pk = actor.partition(":")
    user = User.objects.filter(pk=int(pk)).first() if kind == "user" and pk.isdigit() else None
    return str(user) if user else ""
