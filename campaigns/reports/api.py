"""The marketing calendar of the API: what happens on which day."""

from __future__ import annotations

from datetime import date, timedelta

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.calendar.rules import lunar
from campaigns.calendar.rules.festivals import COMMERCE, PUBLIC, TRADITIONAL
from campaigns.reports.selectors.calendar import EXPIRY, KINDS, CalendarEntry, entries_between
from core.api.views import ApiView
from core.base.errors import Invalid

MOST_DAYS = 400
SHOWN_KINDS = tuple(kind for kind in KINDS if kind != EXPIRY)


class CalendarIn(serializers.Serializer):
    first = serializers.DateField(help_text="First day, in the shop's time zone.")
    last = serializers.DateField(help_text=f"Last day, at most {MOST_DAYS} days after the first.")
    kind = serializers.ChoiceField(choices=SHOWN_KINDS, required=False, help_text="Only entries of this kind.")


class CalendarEntryOut(serializers.Serializer):
    on = serializers.DateField()
    kind = serializers.ChoiceField(choices=SHOWN_KINDS)
    phase = serializers.ChoiceField(
        choices=["on", "prepare", "planned", "sent", "starts", "ends", "enters"],
        help_text="`on` the day itself, `prepare`: begin with the festival of `about`; a broadcast is `planned` or "
        "`sent`, a coupon `starts` or `ends`, a journey also `enters` customers of a festival or date.",
    )
    name = serializers.CharField(help_text="In the language of the request. Empty for a member day.")
    id = serializers.IntegerField(
        source="pk", allow_null=True, help_text="Of the broadcast, journey, coupon, shop day."
    )
    festival = serializers.CharField(source="code", help_text="Code of the festival; empty for other kinds.")
    festival_kind = serializers.SerializerMethodField(help_text="`public`, `traditional` or `commerce`.")
    about = serializers.DateField(allow_null=True, help_text="Day of the festival to prepare.")
    first = serializers.DateField(allow_null=True, help_text="First day of a coupon.")
    last = serializers.DateField(allow_null=True, help_text="Last day of a coupon.")

    def get_festival_kind(self, entry: CalendarEntry) -> str:
        kind = (entry.more or {}).get("festival_kind", "")
        return kind if kind in {PUBLIC, TRADITIONAL, COMMERCE} else ""


class CalendarOut(serializers.Serializer):
    entries = CalendarEntryOut(many=True)


class CalendarView(ApiView):
    scopes = {"get": "calendar:read"}
    parameters = {"get": tuple(CalendarIn().fields)}

    @extend_schema(operation_id="calendar", parameters=[CalendarIn], responses=CalendarOut)
    def get(self, request: Request) -> Response:
        """Return festivals, member days, shop days, broadcasts, journeys and coupons by day."""
        checked = CalendarIn(data=request.query_params)
        checked.is_valid(raise_exception=True)
        first, last = checked.validated_data["first"], checked.validated_data["last"]
        earliest, latest = date(lunar.FIRST + 1, 1, 1), date(lunar.LAST, 12, 31)
        if not earliest <= first <= last <= latest or last - first > timedelta(days=MOST_DAYS):
            raise Invalid(
                _("Enter a first and last day at most %(days)s days apart, between %(earliest)s and %(latest)s.")
                % {"days": MOST_DAYS, "earliest": earliest, "latest": latest},
                code="out_of_range",
                field="last",
            )
        kind = checked.validated_data.get("kind")
        entries = entries_between(first, last, kinds=[kind] if kind else SHOWN_KINDS)
        return Response(CalendarOut({"entries": entries}).data)
