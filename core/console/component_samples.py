"""Sample data of the components page: fictitious people, no rows of the shop."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.db.paging import Page


class SampleForm(forms.Form):
    name = forms.CharField(label=_("Name"), help_text=_("As the customer writes it."))
    reason = forms.ChoiceField(
        label=_("Reason"), choices=[("late", _("Delivery was late")), ("other", _("Something else"))]
    )
    text = forms.CharField(label=_("Note"), widget=forms.Textarea(attrs={"rows": 3}), required=False)
    pinned = forms.BooleanField(label=_("Pin to the top"), required=False)


def context(request: HttpRequest) -> dict:
    now = timezone.now()
    wrong = SampleForm({"name": "", "reason": "late"})
    wrong.is_valid()
    return {
        "form": SampleForm(),
        "wrong": wrong,
        "recently": now - timedelta(hours=3),
        "long_ago": now - timedelta(days=40),
        "soon": now + timedelta(days=2),
        "sample_page": Page(items=[], next="next", previous="previous"),
        "states": ["active", "open", "pending", "failed", "closed"],
        "people": [
            {
                "name": "王小明",
                "number": "10000017",
                "amount": 128050,
                "currency": "CNY",
                "at": now - timedelta(days=2),
            },
            {
                "name": "Anna Berg",
                "number": "10000025",
                "amount": 9900,
                "currency": "EUR",
                "at": now - timedelta(days=9),
            },
            {
                "name": "田中さくら",
                "number": "10000033",
                "amount": 4800,
                "currency": "JPY",
                "at": now - timedelta(days=61),
            },
        ],
    }
