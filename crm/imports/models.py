"""Models of imports."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from crm.imports.registry import IMPORT_KINDS


class ImportKind(models.TextChoices):
    """Import kinds of crm that other code names; IMPORT_KINDS holds all kinds."""

    CUSTOMERS = "customers", _("Customers")
    PRODUCTS = "products", _("Products")
    ORDERS = "orders", _("Orders")
    ACTIVITY = "activity", _("Activity")
    CONSENTS = "consents", _("Consents")


class ImportState(models.TextChoices):
    UPLOADED = "uploaded", _("Uploaded")
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


class ImportMode(models.TextChoices):
    """The effect that imported orders have today (I3)."""

    AUTO = "auto", _("By the date of each order")
    REMEMBER = "remember", _("Only record")
    SILENT = "silent", _("Points and tiers, without messages")
    LIVE = "live", _("As if it happened now")


class ImportRun(models.Model):
    """One imported file. It is applied in one transaction: a killed run leaves nothing behind and can start again."""

    kind = models.CharField(_("kind"), max_length=10)
    source = models.CharField(_("source"), max_length=40)
    file_name = models.CharField(_("file"), max_length=255)
    path = models.CharField(max_length=500, blank=True, default="")
    options = models.JSONField(default=dict, blank=True, help_text="Encoding, separator, decimal mark, time zone.")
    mapping = models.JSONField(default=dict, blank=True, help_text="Our field -> the file's column.")
    mode = models.CharField(_("effect"), max_length=8, choices=ImportMode.choices, default=ImportMode.AUTO)
    state = models.CharField(_("state"), max_length=10, choices=ImportState.choices, default=ImportState.UPLOADED)
    job = models.ForeignKey("core.Job", models.SET_NULL, null=True, related_name="+")
    # The job that updates points, figures and segments after the rows are stored.
    following = models.ForeignKey("core.Job", models.SET_NULL, null=True, related_name="+")
    read_count = models.BigIntegerField(_("read"), default=0)
    accepted_count = models.BigIntegerField(_("accepted"), default=0)
    unchanged_count = models.BigIntegerField(_("already there"), default=0)
    refused_count = models.BigIntegerField(_("refused"), default=0)
    skipped_count = models.BigIntegerField(_("skipped"), default=0)
    result = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True, default="")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(_("created"), db_default=Now())
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        indexes = [models.Index(fields=["-created_at"], name="crm_importrun_recent")]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state="done")
                | models.Q(
                    read_count=models.F("accepted_count")
                    + models.F("unchanged_count")
                    + models.F("refused_count")
                    + models.F("skipped_count")
                ),
                name="crm_importrun_every_row_is_accounted_for",
            )
        ]

    def __str__(self) -> str:
        return self.file_name

    def get_kind_display(self) -> str:
        kind = IMPORT_KINDS.get(self.kind)
        return str(kind.label) if kind else self.kind


class ImportRefusal(models.Model):
    """A row that was not imported, as it stood in the file, with the reason."""

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="refusals", db_index=False)
    row_number = models.BigIntegerField(_("row"))
    field = models.CharField(_("field"), max_length=60, blank=True, default="")
    code = models.CharField(_("code"), max_length=40)
    reason = models.CharField(_("reason"), max_length=300)
    raw = models.TextField(_("row as read"), blank=True, default="")

    class Meta:
        verbose_name = _("refused row")
        verbose_name_plural = _("refused rows")
        indexes = [models.Index(fields=["run", "row_number"], name="crm_importrefusal_by_row")]

    def __str__(self) -> str:
        return f"{self.row_number}: {self.reason}"


class ImportMapping(models.Model):
    """The mapping that a source used last; it is suggested for the next file of this source."""

    kind = models.CharField(max_length=10)
    source = models.CharField(max_length=40)
    mapping = models.JSONField(default=dict)
    options = models.JSONField(default=dict)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "source"], name="crm_importmapping_per_source")]

    def __str__(self) -> str:
        return f"{self.source} {self.kind}"
