"""Redemptions in batches, for a till that was offline or a platform that settles in bulk."""

from __future__ import annotations

from typing import Annotated

import msgspec
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.structs import StructParser
from core.api.views import ApiView
from core.base.errors import Invalid
from loyalty.ledger.api import serializers as shapes
from loyalty.ledger.api.views import answer_body
from loyalty.ledger.services.redemption_batches import Redemption, RedemptionResult, redeem_many

LIMIT = 1000


class Item(msgspec.Struct, forbid_unknown_fields=True):
    customer: Annotated[str, msgspec.Meta(min_length=1, max_length=20, pattern=r"^[^\x00]*$")]
    points: Annotated[int, msgspec.Meta(ge=1, le=shapes.LARGEST)]
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
    reference: Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$")] = ""


class Batch(msgspec.Struct, forbid_unknown_fields=True):
    redemptions: Annotated[list[Item], msgspec.Meta(min_length=1, max_length=LIMIT)]


class BatchParser(StructParser):
    struct = Batch
    shape = shapes.RedemptionBatchIn
    root = "redemptions"


class RedemptionBatchesView(ApiView):
    scopes = {"post": "points:redeem"}
    keeps_history = False
    bodies = {"post": "batch"}
    parser_classes = [BatchParser]

    @extend_schema(request=shapes.RedemptionBatchIn, responses=shapes.RedemptionBatchOut)
    def post(self, request: Request) -> Response:
        """Redeem points up to 1,000 times in one transaction; each redemption is done or refused by itself.

        Each redemption has its own `key`, which works like the header of a single redemption. Results are in the order
        sent. If the body is malformed, no redemption is done.
        """
        batch = request.data
        if not isinstance(batch, Batch):
            raise Invalid(_("Send the redemptions in a JSON body."), code="required", field="redemptions")
        rows = [Redemption(item.customer, item.points, item.key, item.reference) for item in batch.redemptions]
        outcomes = redeem_many(redemptions=rows, actor=self.actor_of(request))
        results = [_result(row.key, outcome) for row, outcome in zip(rows, outcomes, strict=True)]
        refused = sum(outcome.error is not None for outcome in outcomes)
        return Response({"done": len(results) - refused, "refused": refused, "results": results})


def _result(key: str, outcome: RedemptionResult) -> dict:
    if outcome.answer is not None:
        return {"key": key, "status": "done", "redemption": answer_body(outcome.answer), "error": None}
    error = outcome.error
    assert error is not None
    return {
        "key": key,
        "status": "refused",
        "redemption": None,
        "error": {"code": error.code, "detail": str(error.message), "attr": error.field, "details": error.details},
    }
