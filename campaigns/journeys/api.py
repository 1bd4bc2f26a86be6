"""Let customers enter journeys by API."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.journeys.models import Journey
from campaigns.journeys.services.entries import enter_by_call
from core.api.schema import IDEMPOTENCY_KEY
from core.api.views import ApiView
from core.base.errors import NotFound
from core.jobs.queueing import enqueue_after_commit
from crm.customers.api.lookup import customer_of
from crm.customers.models import Customer


class JourneyEntryIn(serializers.Serializer):
    customer = serializers.CharField(max_length=20, help_text="Customer number.")


class JourneyEntryOut(serializers.Serializer):
    result = serializers.ChoiceField(
        choices=["entered", "held_out", "repeated", "refused"],
        help_text="`repeated`: this key was used before. "
        "`refused`: the journey does not let this customer enter again.",
    )
    run = serializers.IntegerField(allow_null=True)
    journey = serializers.IntegerField()
    customer = serializers.CharField()


class EntriesView(ApiView):
    scopes = {"post": "journeys:write"}

    @extend_schema(request=JourneyEntryIn, responses=JourneyEntryOut, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request, journey: int) -> Response:
        """Let one customer enter a running journey with an API entry. Idempotent by key."""
        data = self.valid(JourneyEntryIn, request)
        row = Journey.objects.select_related("version").filter(pk=journey).first()
        if row is None:
            raise NotFound()
        customer = customer_of(request, data["customer"], Customer.objects.all())
        result, run = enter_by_call(journey=row, customer=customer, key=self.key_of(request))
        if result == "entered":
            enqueue_after_commit("campaigns.advance_journeys")
        body = {
            "result": result,
            "run": run.pk if run else None,
            "journey": row.pk,
            "customer": customer.number,
        }
        return Response(JourneyEntryOut(body).data)
