"""Codes of a coupon in bulk: request, progress, and download."""

from __future__ import annotations

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.coupons.models import Coupon
from campaigns.coupons.services import codes as coupon_codes
from core.api.schema import IDEMPOTENCY_KEY
from core.api.views import ApiView
from core.base.errors import NotFound
from core.db import idempotency
from core.jobs.models import Job, JobState
from core.jobs.queueing import enqueue_after_commit
from crm.customers.api.serializers import Whole


class GenerationIn(serializers.Serializer):
    count = Whole(min_value=1, max_value=coupon_codes.LARGEST_BATCH, help_text="How many codes to make.")


class GenerationOut(serializers.Serializer):
    generation = serializers.IntegerField(source="pk")
    coupon = serializers.IntegerField(source="result.coupon")
    state = serializers.ChoiceField(choices=JobState.values)
    count = serializers.IntegerField(source="total_count", help_text="Number of requested codes.")
    made = serializers.SerializerMethodField(help_text="Number of codes made so far.")
    error = serializers.CharField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_made(self, job: Job) -> int:
        return job.result.get("codes", job.done_count)


def _coupon(pk: int) -> Coupon:
    coupon = Coupon.objects.filter(pk=pk).first()
    if coupon is None:
        raise NotFound(code="unknown_coupon")
    return coupon


class GenerationsView(ApiView):
    scopes = {"post": "coupons:write"}

    @extend_schema(request=GenerationIn, parameters=[IDEMPOTENCY_KEY], responses={202: GenerationOut})
    def post(self, request: Request, coupon: int) -> Response:
        """Make codes without a customer. A worker makes them; poll the generation until it is `done`."""
        data = self.valid(GenerationIn, request)
        row, key = _coupon(coupon), idempotency.check_key(self.key_of(request))
        pk = idempotency.run_once(
            self.scope_of(request),
            key,
            {"coupon.generate": [row.pk, data["count"]]},
            lambda: coupon_codes.start_generation(coupon=row, count=data["count"], actor=self.actor_of(request)).pk,
        )
        job = Job.objects.get(pk=pk)
        if job.state == JobState.QUEUED:
            enqueue_after_commit("core.run_job", job.pk)
        return Response(GenerationOut(job).data, status=202)


class GenerationView(ApiView):
    scopes = {"get": "coupons:read"}

    @extend_schema(responses=GenerationOut)
    def get(self, request: Request, coupon: int, generation: int) -> Response:
        """Return the progress of a generation."""
        return Response(GenerationOut(coupon_codes.generation_of(_coupon(coupon), generation)).data)


class GenerationFileView(ApiView):
    scopes = {"get": "coupons:write"}

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request, coupon: int, generation: int) -> StreamingHttpResponse:
        """Return the codes as CSV, one per line. 409 `generation_not_done` until all are made. The export is in the
        audit log.
        """
        row = _coupon(coupon)
        job = coupon_codes.generation_of(row, generation)
        lines = coupon_codes.export_codes(coupon=row, job=job, actor=self.actor_of(request))
        response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="codes-{row.pk}-{job.pk}.csv"'
        return response
