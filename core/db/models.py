"""Models of the database."""

from django.db import models


class IdempotencyRecord(models.Model):
    """The key of a command, the digest of its request and its answer, written in the command's transaction (L7)."""

    scope = models.CharField(max_length=60)
    key = models.CharField(max_length=200)
    digest = models.BinaryField(max_length=32)
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="core_idempotency_key_once_per_scope")]

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"
