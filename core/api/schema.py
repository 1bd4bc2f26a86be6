"""OpenAPI schema: our error envelope on every operation, the Idempotency-Key header on commands that need it."""

from __future__ import annotations

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from core.api.shapes import fields_of

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="1 to 200 printable ASCII characters. Use the same key for every repeat of the same command.",
)
OPTIONAL_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Optional. A repeat with the same key returns the first answer.",
)


class ErrorItem(serializers.Serializer):
    code = serializers.CharField(help_text="Stable. Use this in your code.")
    detail = serializers.CharField(help_text="Text for people, in the language of the request.")
    attr = serializers.CharField(allow_null=True, help_text="The invalid field; nested fields are joined with dots.")


class ErrorEnvelope(serializers.Serializer):
    type = serializers.ChoiceField(choices=["validation_error", "client_error", "server_error"])
    errors = ErrorItem(many=True)
    details = serializers.DictField(required=False, help_text="Figures of a refusal, such as the available points.")


ERRORS = {
    "400": "The input is invalid; `attr` names the field.",
    "401": "The key is missing, unknown or revoked.",
    "403": "The key lacks the scope named in `details`, or the resource belongs to another customer.",
    "404": "The resource does not exist.",
    "405": "The method is not allowed; the header Allow lists the allowed methods.",
    "409": "The current state forbids the command, or the idempotency key was used for another request.",
    "413": "The body is too large; the detail names the limit.",
    "414": "The address is too long.",
    "415": "Send application/json.",
    "422": "A business limit refuses the command.",
    "429": "Too many requests; see Retry-After.",
    "431": "A header is too large, or all headers together are.",
    "503": "The database is unavailable; see Retry-After.",
}


class ApiSchema(AutoSchema):
    def get_description(self) -> str:
        """Add the fields that a member's token sees, if a member may call the operation."""
        text = super().get_description()
        action = getattr(self.view, "action", None) or self.method.lower()
        shape = getattr(self.view, "member_shapes", {}).get(action)
        if shape is None:
            return text
        fields = ", ".join(f"`{name}`" for name in fields_of(shape))
        return f"{text}\n\nA member's token is shown: {fields}.".strip()

    def _get_response_bodies(self, direction="response"):
        responses = super()._get_response_bodies(direction)
        for status, description in ERRORS.items():
            if status not in responses:
                responses[status] = self._get_response_for_code(ErrorEnvelope, status) | {"description": description}
        return responses
