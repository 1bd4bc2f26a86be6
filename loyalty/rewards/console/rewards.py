"""Pages of rewards: the list, one reward with its codes and redemptions, the form, the switch, uploading codes."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.actor import of_user
from core.base.errors import DomainError, Invalid
from core.console import editing
from core.console.switching import switch_active
from core.console.views import may, page, wants_part
from core.lists.showing import respond
from loyalty.program import registry as audiences
from loyalty.program.models import Program
from loyalty.program.selectors import default_program
from loyalty.rewards import selectors as catalogue
from loyalty.rewards.console.listing import REWARDS, kind_label, picture_url, price, standing
from loyalty.rewards.console.reward_form import RewardForm
from loyalty.rewards.models import Reward, RewardRedemption
from loyalty.rewards.registry import FULFILMENTS
from loyalty.rewards.selectors import Taken
from loyalty.rewards.services import rewards as services
from loyalty.rewards.services.codes import FILE_BYTES, upload_reward_codes

REDEMPTIONS = 10
REFUSED_SHOWN = 100


EDITOR = editing.Editor(
    new="reward_new",
    edit="reward_edit",
    index="rewards",
    index_label=_("Rewards"),
    new_heading=_("New reward"),
    edit_heading=_("Edit reward"),
    page="reward",
    name="label",
)


def _reward(pk: int) -> Reward:
    return get_object_or_404(Reward.objects.select_related("program", "category", "minimum_tier"), pk=pk)


@page("loyalty.view_reward")
def index(request: HttpRequest) -> HttpResponse:
    return respond(REWARDS, request)


@page("loyalty.view_reward")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    return render(request, "loyalty/rewards/reward.html", _reward_context(request, _reward(pk)))


def _reward_context(request: HttpRequest, reward: Reward) -> dict[str, Any]:
    segment = dict(audiences.choices()).get(reward.segment) if reward.segment is not None else ""
    redemptions = RewardRedemption.objects.filter(reward=reward).select_related("member__customer")
    left = catalogue.codes_left([reward]).get(reward.pk)
    fulfilment = FULFILMENTS.get(reward.kind)
    return {
        "reward": reward,
        "picture": picture_url(reward),
        "price": price(reward),
        "kind": kind_label(reward),
        "state": standing(reward, clock.now()),
        "taken": catalogue.taken([reward]).get(reward.pk, Taken()),
        "codes_left": left,
        "codes_given": reward.codes.exclude(redemption=None).count() if left is not None else 0,
        "segment": segment,
        "settings": [
            (setting.label, dict(setting.choices()).get(value, value) if setting.choices else value)
            for setting in (fulfilment.settings if fulfilment else ())
            if (value := reward.settings.get(setting.name))
        ],
        "tier_limits": [
            (tier.label, limit)
            for tier in reward.program.tiers.order_by("rank")
            if (limit := reward.settings.get("tier_limits", {}).get(tier.code)) is not None
        ],
        "redemptions": redemptions.order_by("-placed_at")[:REDEMPTIONS],
        "may_change": may(request.user, "loyalty.change_reward"),
        "may_upload": left is not None and may(request.user, "loyalty.add_rewardcode"),
        "may_see_redemptions": may(request.user, "loyalty.view_rewardredemption"),
    }


@page("loyalty.add_reward", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    return _form(request, None)


@page("loyalty.change_reward", methods=("GET", "POST"))
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    return _form(request, _reward(pk))


def _form(request: HttpRequest, reward: Reward | None) -> HttpResponse:
    program = reward.program if reward else default_program()
    action = EDITOR.action(reward)
    if editing.is_submitted(request):
        form = RewardForm(request.POST, request.FILES, program=program, action=action, reward=reward)
        if response := EDITOR.save(request, form, lambda: _save(request, program, reward, form)):
            return response
    else:
        form = RewardForm(program=program, action=action, reward=reward, typed=editing.typed_values(request))
    template = "loyalty/rewards/reward_kind_fields.html" if wants_part(request) else "loyalty/rewards/reward_edit.html"
    context = {
        "form": form,
        "reward": reward,
        "picture": picture_url(reward) if reward else "",
        "kind": kind_label(reward) if reward else "",
        **EDITOR.values(reward),
    }
    return render(request, template, context)


def _save(request: HttpRequest, program: Program, reward: Reward | None, form: RewardForm) -> Reward:
    actor, values = of_user(request.user), form.values()
    if reward is None:
        return services.create_reward(program=program, kind=form.cleaned_data["kind"], actor=actor, **values)
    return services.update_reward(reward=reward, actor=actor, stock_seen=form.cleaned_data["stock_seen"], **values)


@page("loyalty.change_reward", methods=("POST",))
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    return switch_active(request, services.update_reward, route="reward", name="label", reward=_reward(pk))


@page("loyalty.add_rewardcode", methods=("POST",))
def codes(request: HttpRequest, pk: int) -> HttpResponse:
    """Upload codes from a file or typed lines.

    Refused codes are shown on the answer itself, because no message may keep codes.
    """
    reward = _reward(pk)
    file = request.FILES.get("file")
    if file is not None and (file.size or 0) > FILE_BYTES:
        raise Invalid(_t("A file of codes can have at most 8 MB."), code="too_large", field="codes")
    content = file.read() if file is not None else request.POST.get("codes", "").encode()
    try:
        upload = upload_reward_codes(reward=reward, content=content, actor=of_user(request.user))
    except DomainError as error:
        refused = {"codes_error": error.message, "codes_typed": request.POST.get("codes", "")}
        return render(
            request, "loyalty/rewards/reward.html", {**_reward_context(request, reward), **refused}, status=error.status
        )
    context = {
        **_reward_context(request, reward),
        "upload": upload,
        "duplicates": upload.duplicates[:REFUSED_SHOWN],
        "wrong": upload.wrong[:REFUSED_SHOWN],
        "more": max(len(upload.duplicates) - REFUSED_SHOWN, 0) + max(len(upload.wrong) - REFUSED_SHOWN, 0),
    }
    return render(request, "loyalty/rewards/reward.html", context)
