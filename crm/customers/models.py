"""Models of customers."""

from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.audit.tracking import audited
from core.db.fields import BlindIndexField, EncryptedTextField
from crm.customers.rules.names import search_form


class Gender(models.TextChoices):
    UNKNOWN = "", _("Unknown")
    FEMALE = "female", _("Female")
    MALE = "male", _("Male")
    OTHER = "other", _("Other")


class CustomerState(models.TextChoices):
    ACTIVE = "active", pgettext_lazy("customer", "Active")
    MERGED = "merged", _("Merged into another")
    ERASED = "erased", _("Erased")


class FoldedNameField(models.TextField):
    """The folded form of the field `name`, written with each save of the row.

    Code that writes names without saving an object writes `search_form(name)` beside it.
    """

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        form = search_form(getattr(model_instance, "name", ""))
        setattr(model_instance, self.attname, form)
        return form


class CustomerQuerySet(models.QuerySet["Customer"]):
    def active(self) -> Self:
        return self.filter(state=CustomerState.ACTIVE)


@audited
class Customer(models.Model):
    """A person known to the shop. Their identities are in Identity, their consents in Consent."""

    number = models.CharField(
        _("customer number"),
        max_length=20,
        unique=True,
        db_default=models.Func(function="crm_next_customer_number", output_field=models.CharField()),
    )
    name = models.CharField(_("name"), max_length=200, blank=True, default="")
    search_name = FoldedNameField(editable=False, db_default="", help_text="The name as search reads it.")
    state = models.CharField(_("state"), max_length=8, choices=CustomerState.choices, default=CustomerState.ACTIVE)
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    birthday = EncryptedTextField(_("birthday"), null=True, blank=True)
    birthday_index = BlindIndexField(null=True, editable=False, help_text="Blind index of MM-DD.")
    birth_year = models.PositiveSmallIntegerField(_("year of birth"), null=True, blank=True)
    gender = models.CharField(_("gender"), max_length=8, choices=Gender.choices, blank=True, default="")
    language = models.CharField(_("language"), max_length=10, blank=True, default="")
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True, default="")
    country = models.CharField(_("country"), max_length=60, blank=True, default="")
    region = models.CharField(_("region"), max_length=120, blank=True, default="")
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    source = models.CharField(_("source"), max_length=40, default="api")
    created_at = models.DateTimeField(_("known since"), db_default=Now())
    updated_at = models.DateTimeField(_("changed"), db_default=Now())

    objects = CustomerQuerySet.as_manager()

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        permissions = [
            ("unmask_customer", _("Can see contact details in full (each look is recorded)")),
            ("export_customer", _("Can export customers")),
        ]
        indexes = [
            models.Index(fields=["birthday_index"], name="crm_customer_birthday"),
            models.Index(fields=["-created_at", "-id"], name="crm_customer_recent"),
            GinIndex(fields=["attributes"], name="crm_customer_attributes", opclasses=["jsonb_path_ops"]),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="merged", merged_into__isnull=False)
                | (~models.Q(state="merged") & models.Q(merged_into=None)),
                name="crm_customer_merged_names_target",
            ),
            models.CheckConstraint(
                condition=models.Q(country__regex=r"^([A-Z]{2})?$"), name="crm_customer_country_is_a_code"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.number


class IdentityKind(models.TextChoices):
    PHONE = "phone", _("Phone")
    EMAIL = "email", _("E-mail")
    STOREFRONT = "storefront", _("Storefront id")
    WECHAT_OPENID = "wechat_openid", _("WeChat openid")
    WECHAT_UNIONID = "wechat_unionid", _("WeChat unionid")
    WECOM = "wecom_external", _("WeCom external contact")
    CARD = "card", _("Card")
    DEVICE = "device", _("Device")


class IdentityQuerySet(models.QuerySet["Identity"]):
    def verified(self) -> Self:
        return self.filter(verified_at__isnull=False)

    def of_kind(self, kind: str) -> Self:
        return self.filter(kind=kind)


@audited
class Identity(models.Model):
    """One way to recognise a customer. Only a verified identity resolves; a device alone is never enough (S5)."""

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="identities")
    kind = models.CharField(_("kind"), max_length=16, choices=IdentityKind.choices)
    value = EncryptedTextField(_("value"))
    value_index = BlindIndexField()
    tail_index = BlindIndexField(null=True, help_text="Blind index of a phone number's last four digits.")
    verified_at = models.DateTimeField(_("verified"), null=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = IdentityQuerySet.as_manager()

    class Meta:
        verbose_name = _("identity")
        verbose_name_plural = _("identities")
        constraints = [
            models.UniqueConstraint(fields=["kind", "value_index"], name="crm_identity_belongs_to_one_customer")
        ]
        indexes = [models.Index(fields=["tail_index"], name="crm_identity_phone_tail")]

    def __str__(self) -> str:
        return self.get_kind_display()


class Channel(models.TextChoices):
    EMAIL = "email", _("E-mail")
    SMS = "sms", _("SMS")
    INBOX = "inbox", _("In-app inbox")
    WECHAT = "wechat", _("WeChat")
    WECOM = "wecom", _("WeCom")
    WEBHOOK = "webhook", _("Own system")
    PUSH = "push", _("Push")
    PHONE_CALL = "call", _("Phone call")


class Purpose(models.TextChoices):
    MARKETING = "marketing", _("Marketing")
    SERVICE = "service", _("Service and surveys")
    PROFILING = "profiling", _("Profiling")


class ConsentDecision(models.TextChoices):
    GRANTED = "granted", _("Granted")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class Consent(models.Model):
    """A customer's decision about one channel and purpose (P1). Append-only: the database refuses changes."""

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="consents", db_index=False)
    channel = models.CharField(_("channel"), max_length=8, choices=Channel.choices)
    purpose = models.CharField(_("purpose"), max_length=10, choices=Purpose.choices)
    decision = models.CharField(_("decision"), max_length=10, choices=ConsentDecision.choices)
    source = models.CharField(
        _("source"), max_length=60, help_text=_("Where the decision was made, for example checkout.")
    )
    evidence = models.CharField(_("evidence"), max_length=500, blank=True, default="")
    given_at = models.DateTimeField(_("given at"))
    recorded_at = models.DateTimeField(db_default=Now())
    actor = models.CharField(max_length=80, default="system")

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        indexes = [
            models.Index(fields=["customer", "-given_at", "-id"], name="crm_consent_history"),
            # the few that a link in a message withdrew, for the results of campaigns
            models.Index(
                fields=["given_at"],
                condition=models.Q(decision="withdrawn", evidence__startswith="message "),
                name="crm_consent_by_message",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel}/{self.purpose}: {self.decision}"


class ConsentState(models.Model):
    """The latest consent per channel and purpose. A trigger on Consent maintains it so that a gate can join it."""

    pk = models.CompositePrimaryKey("customer_id", "channel", "purpose")
    customer_id = models.BigIntegerField()
    channel = models.CharField(max_length=8)
    purpose = models.CharField(max_length=10)
    granted = models.BooleanField()
    since = models.DateTimeField()

    class Meta:
        verbose_name = _("consent state")

    def __str__(self) -> str:
        return f"{self.channel}/{self.purpose}: {self.granted}"


@audited
class Tag(models.Model):
    name = models.CharField(_("name"), max_length=60, unique=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class CustomerTag(models.Model):
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="customer_tags", db_index=False)
    tag = models.ForeignKey(Tag, models.CASCADE, related_name="customer_tags", db_index=False)
    added_at = models.DateTimeField(db_default=Now())
    added_by = models.CharField(max_length=80, default="system")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["customer", "tag"], name="crm_customertag_once")]
        indexes = [models.Index(fields=["tag", "customer"], name="crm_customertag_by_tag")]

    def __str__(self) -> str:
        return f"{self.customer_id} {self.tag_id}"


@audited
class Note(models.Model):
    """A note by staff for staff about a customer; customers never see it."""

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="notes", db_index=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    text = models.TextField(_("note"), max_length=4000)
    pinned = models.BooleanField(_("pinned"), default=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        indexes = [models.Index(fields=["customer", "-created_at"], name="crm_note_of_customer")]

    def __str__(self) -> str:
        return self.text[:60]


class DuplicateState(models.TextChoices):
    OPEN = "open", _("To be decided")
    DISTINCT = "distinct", _("Not the same person")


class DuplicateCandidate(models.Model):
    """Two customers who may be one person (S5). A person decides, and the answer is kept, so no pair comes back."""

    first = models.ForeignKey(Customer, models.PROTECT, related_name="+", db_index=False)
    second = models.ForeignKey(Customer, models.PROTECT, related_name="+")
    state = models.CharField(_("state"), max_length=8, choices=DuplicateState.choices, default=DuplicateState.OPEN)
    suspected_at = models.DateTimeField(_("suspected"), db_default=Now())
    decided_at = models.DateTimeField(_("decided"), null=True)
    decided_by = models.CharField(max_length=80, blank=True, default="")

    class Meta:
        verbose_name = _("possible duplicate")
        verbose_name_plural = _("possible duplicates")
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="crm_duplicatecandidate_once"),
            models.CheckConstraint(
                condition=models.Q(first__lt=models.F("second")), name="crm_duplicatecandidate_in_order"
            ),
        ]
        indexes = [
            # the list of pairs to decide
            models.Index(
                fields=["-suspected_at", "-id"],
                condition=models.Q(state="open"),
                name="crm_duplicatecandidate_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.first_id} {self.second_id}: {self.state}"


class AttributeType(models.TextChoices):
    TEXT = "text", _("Text")
    NUMBER = "number", _("Number")
    BOOLEAN = "boolean", _("Yes or no")
    DATE = "date", _("Date")
    CHOICE = "choice", _("Choice")


class AttributeDefinitionQuerySet(models.QuerySet["AttributeDefinition"]):
    def current(self) -> Self:
        """Return the fields that are not archived."""
        return self.filter(archived_at=None)


@audited
class AttributeDefinition(models.Model):
    """A field that the shop adds to its customers; segments, imports and the API can use it at once.

    An archived field keeps its values, but forms and pages leave it out.
    """

    code = models.SlugField(_("code"), max_length=40, unique=True)
    label = models.CharField(_("label"), max_length=80)
    type = models.CharField(_("type"), max_length=8, choices=AttributeType.choices)
    choices = ArrayField(models.CharField(max_length=80), verbose_name=_("choices"), default=list, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    member_writable = models.BooleanField(
        _("members change it themselves"),
        default=False,
        db_default=False,
        help_text=_("Else only the shop's server, imports and staff write it."),
    )
    archived_at = models.DateTimeField(_("archived"), null=True, editable=False)

    objects = AttributeDefinitionQuerySet.as_manager()

    class Meta:
        verbose_name = _("customer attribute")
        verbose_name_plural = _("customer attributes")
        ordering = ["position", "code"]

    def __str__(self) -> str:
        return self.label


class StoreQuerySet(models.QuerySet["Store"]):
    def default(self) -> "Store":
        """Return the default store. Raises Store.DoesNotExist before the shop is set up."""
        return self.get(is_default=True)

    def default_or_none(self) -> "Store | None":
        """Return the default store, or None before the shop is set up."""
        return self.filter(is_default=True).first()


@audited
class Store(models.Model):
    """A place where orders are made. The default store defines the shop's currency, time zone and language."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=120)
    currency = models.CharField(_("currency"), max_length=3, default="CNY", help_text=_("ISO 4217, for example CNY."))
    time_zone = models.CharField(_("time zone"), max_length=64, default="Asia/Shanghai")
    country = models.CharField(
        _("country"), max_length=2, default="CN", help_text=_("Reads phone numbers that have no country code.")
    )
    language = models.CharField(_("language"), max_length=10, default="zh-hans")
    is_default = models.BooleanField(_("default"), default=False)
    logo = models.FileField(_("logo"), upload_to="shop/", blank=True, db_default="")
    brand_colour = models.CharField(_("brand colour"), max_length=7, blank=True, db_default="")
    accent_colour = models.CharField(_("second colour"), max_length=7, blank=True, db_default="")
    address = models.TextField(_("postal address"), blank=True, db_default="")
    sender_name = models.CharField(_("sender name"), max_length=120, blank=True, db_default="")
    sender_email = models.CharField(_("sender address"), max_length=254, blank=True, db_default="")
    reply_to = models.CharField(_("reply-to address"), max_length=254, blank=True, db_default="")
    dkim_selector = models.CharField(_("DKIM selector"), max_length=63, blank=True, db_default="")

    objects = StoreQuerySet.as_manager()

    class Meta:
        verbose_name = _("store")
        verbose_name_plural = _("stores")
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="crm_store_one_default"
            ),
            models.CheckConstraint(
                condition=models.Q(brand_colour__regex=r"^(#[0-9a-f]{6})?$")
                & models.Q(accent_colour__regex=r"^(#[0-9a-f]{6})?$"),
                name="crm_store_colours_are_codes",
            ),
        ]

    def __str__(self) -> str:
        return self.name
