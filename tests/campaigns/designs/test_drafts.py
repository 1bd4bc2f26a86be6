"""Drafts of designs: saved while typing, one writer at a time, saved as a version, sent as they were previewed."""

from __future__ import annotations

import io
import json

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from campaigns.designs.models import DesignPicture, SavedBlock
from campaigns.designs.services.library import save_block
from campaigns.designs.services.pictures import save_picture
from campaigns.messages.models import Message
from campaigns.messages.services.messages import claim_batch, queue_message
from campaigns.templates.models import Template, TemplateDesign, TemplateDraft, TemplateText
from campaigns.templates.services import designs
from campaigns.templates.services.contexts import member_code_url
from campaigns.templates.services.templates import Text as SourceText
from campaigns.templates.services.templates import duplicate_template, restore_version, save_template
from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid
from tests.campaigns.designs.samples import block, document
from tests.campaigns.pages import consented

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_policy", "store")]


def draft_of(*blocks, name="Spring", subjects=None, draft=None) -> TemplateDraft:
    draft = draft or designs.start_draft(design="", actor=SYSTEM)
    return designs.save_draft(
        draft=draft,
        revision=draft.revision,
        name=name,
        message_class="marketing",
        subjects=subjects or {"en": "Hello {{ customer.first_name }}"},
        document=document(*blocks),
        actor=SYSTEM,
    )


def png(width: int, height: int, mode: str = "RGB") -> SimpleUploadedFile:
    output = io.BytesIO()
    Image.new(mode, (width, height), "#336699").save(output, format="PNG")
    return SimpleUploadedFile("a.png", output.getvalue())


class TestDrafts:
    def test_a_draft_keeps_what_is_unfinished_and_becomes_a_version(self):
        # given a draft whose heading is still empty
        draft = draft_of(block("heading"))
        assert (draft.name, draft.revision, draft.document["blocks"][0]["kind"]) == ("Spring", 2, "heading")
        # when it is saved as a version
        with pytest.raises(Invalid) as refused:
            designs.publish_draft(draft=draft, actor=SYSTEM)
        # then the refusal names the field, and nothing has changed
        assert refused.value.field == "blocks.0.texts.en.text"
        assert not Template.objects.exists()
        assert TemplateDraft.objects.get().revision == 2
        # when it is complete
        saved = designs.publish_draft(draft=draft_of(block("heading", text="Hi"), draft=draft), actor=SYSTEM)
        # then the template has its texts and blocks, and the draft is gone
        text = TemplateText.objects.get(template=saved)
        assert (text.version, text.language, text.compiled) == (1, "en", True)
        assert text.body.startswith("<!doctype html>")
        assert TemplateDesign.objects.get(template=saved, version=1).document["blocks"][0]["texts"]["en"] == {
            "text": "Hi"
        }
        assert not TemplateDraft.objects.exists()

    def test_two_writers_do_not_overwrite_each_other(self):
        draft = draft_of(block("heading", text="Hi"))
        with pytest.raises(Conflict) as refused:
            designs.save_draft(
                draft=draft, revision=1, name="Other", message_class="marketing", subjects={}, document=document(),
                actor=SYSTEM,
            )  # fmt: skip
        assert refused.value.code == "draft_changed"
        draft.refresh_from_db()
        assert (draft.name, draft.revision) == ("Spring", 2)

    def test_a_draft_that_is_too_large_is_refused(self):
        draft = draft_of(block("heading", text="Hi"))
        with pytest.raises(Invalid) as refused:
            draft_of(*[block("text", text="x" * 5000)] * 45, draft=draft)
        assert (refused.value.code, refused.value.field) == ("too_long", "document")
        draft.refresh_from_db()
        assert len(draft.document["blocks"]) == 1

    def test_editing_opens_one_draft_of_the_newest_design(self):
        saved = designs.publish_draft(draft=draft_of(block("heading", text="Hi")), actor=SYSTEM)
        draft = designs.open_draft(template=saved, actor=SYSTEM)
        assert designs.open_draft(template=saved, actor=SYSTEM) == draft
        assert draft.subjects == {"en": "Hello {{ customer.first_name }}"}
        # when it is changed and saved
        designs.publish_draft(draft=draft_of(block("heading", text="Hello"), draft=draft), actor=SYSTEM)
        # then the template has a second version, and the first stays as it was
        saved.refresh_from_db()
        assert saved.version == 2
        assert ">Hi<" in TemplateText.objects.get(template=saved, version=1).body
        assert ">Hello<" in TemplateText.objects.get(template=saved, version=2).body
        # and the first version can be restored with its blocks, and duplicated
        restored = restore_version(template=saved, version=1, actor=SYSTEM)
        copy = duplicate_template(template=restored, actor=SYSTEM)
        for one in (restored, copy):
            row = TemplateDesign.objects.get(template=one, version=one.version)
            assert row.document["blocks"][0]["texts"]["en"] == {"text": "Hi"}

    def test_a_template_written_as_source_has_no_blocks(self):
        source = save_template(name="Old", channel="email", texts=[SourceText("en", "<p>Hi</p>", "Hi")], actor=SYSTEM)
        with pytest.raises(Conflict) as refused:
            designs.open_draft(template=source, actor=SYSTEM)
        assert refused.value.code == "not_a_design"
        assert not TemplateDraft.objects.exists()

    def test_an_unknown_ready_design_is_refused(self):
        with pytest.raises(Invalid) as refused:
            designs.start_draft(design="nothing", actor=SYSTEM)
        assert refused.value.field == "design"
        assert not TemplateDraft.objects.exists()


def test_what_is_sent_is_what_was_previewed(marketer, make_customer):
    # given a design and a customer who may be written to
    customer = make_customer("Grace Hopper", email="grace@example.com", language="en")
    consented(customer)
    blocks = (block("heading", text="Hello {{ customer.first_name }}"), block("button", label="Go"), block("footer"))
    # when a marketer previews it as the customer
    posted = {"subjects": {"en": "For {{ customer.first_name }}"}, "document": document(*blocks), "as": customer.number}
    answer = marketer.post(reverse("design_preview"), json.dumps(posted), content_type="application/json").json()
    side = answer["sides"]["en"]
    seen = marketer.get(reverse("template_draft", args=[side["mark"]])).content.decode()
    # and it is sent
    template = designs.publish_draft(draft=draft_of(*blocks, subjects=posted["subjects"]), actor=SYSTEM)
    message = queue_message(customer=customer, template=template, origin="test:1", occurrence="1")
    claim_batch()
    message.refresh_from_db()
    # then both are alike, except for the links that belong to the message
    assert (message.state, message.subject) == ("sending", side["subject"])
    own = message.body.partition("/u/")[2].partition('"')[0]
    sample = seen.partition("/u/")[2].partition('"')[0]
    preferences = message.body.partition("/p/")[2].partition('"')[0]
    assert message.body.replace(own, sample).replace(f"/p/{preferences}", "/p/example/") == seen
    assert "Hello Grace" in side["text"]
    assert Message.objects.count() == 1


class TestConsole:
    def post(self, client, name, data, *args):
        return client.post(reverse(name, args=args), json.dumps(data), content_type="application/json")

    def test_a_design_is_chosen_written_and_saved(self, marketer):
        page = marketer.get(reverse("design_choose"))
        assert len(page.context["designs"]) == 12
        started = marketer.post(reverse("design_start"), {"design": "birthday"})
        draft = TemplateDraft.objects.get()
        assert started["Location"] == reverse("design_edit", args=[draft.pk])
        data = marketer.get(started["Location"]).context["data"]
        assert [one["kind"] for one in data["draft"]["document"]["blocks"]] == [
            "header", "heading", "text", "coupon", "button", "footer",
        ]  # fmt: skip
        # when it is changed, saved by itself, and saved as a version
        changed = {**data["draft"], "name": "Our birthday"}
        saved = self.post(marketer, "design_autosave", changed, draft.pk)
        assert saved.json() == {"revision": 2}
        stale = self.post(marketer, "design_autosave", changed, draft.pk)
        assert (stale.status_code, stale.json()["code"]) == (409, "draft_changed")
        answer = self.post(marketer, "design_publish", {**changed, "revision": 2}, draft.pk)
        template = Template.objects.get()
        assert answer.json() == {"location": reverse("template", args=[template.pk])}
        assert sorted(template.texts.values_list("language", flat=True)) == ["en", "zh-hans"]
        # then its page shows it, and its source is not edited by hand
        shown = marketer.get(reverse("template_body", args=[template.pk]), {"language": "en"}).content.decode()
        assert "Happy birthday" in shown
        assert marketer.get(reverse("template_edit", args=[template.pk])).status_code == 302
        opened = marketer.post(reverse("template_design", args=[template.pk]))
        assert opened["Location"] == reverse("design_edit", args=[TemplateDraft.objects.get().pk])

    def test_a_refused_version_names_its_block_and_keeps_the_draft(self, marketer):
        draft = designs.start_draft(design="", actor=SYSTEM)
        posted = {"revision": 1, "name": "X", "subjects": {"en": "Hi"}, "document": document(block("heading"))}
        answer = self.post(marketer, "design_publish", posted, draft.pk)
        assert (answer.status_code, answer.json()["field"], answer.json()["revision"]) == (
            422, "blocks.0.texts.en.text", 2,
        )  # fmt: skip
        assert not Template.objects.exists()
        draft.refresh_from_db()
        assert draft.name == "X"

    def test_a_preview_hints_at_what_is_probably_not_meant(self, marketer):
        posted = {"subjects": {"en": "x" * 61}, "document": document(block("heading", text="Hi"))}
        answer = self.post(marketer, "design_preview", posted).json()
        assert answer["hints"] == [
            "There is no footer. The unsubscribe link is added below the last block.",
            "The subject in English is long: phones show about 40 characters.",
            "Chinese (Simplified) has no subject, so this e-mail is not sent in it.",
        ]
        wrong = self.post(marketer, "design_preview", {"subjects": {"en": "x"}, "document": document({"kind": "x"})})
        assert wrong.json()["field"] == "blocks.0.kind"

    def test_the_dark_preview_does_not_wait_for_a_dark_device(self, marketer):
        posted = {"subjects": {"en": "Hi"}, "document": document(block("heading", text="Hi"))}
        mark = self.post(marketer, "design_preview", posted).json()["sides"]["en"]["mark"]
        address = reverse("template_draft", args=[mark])
        assert "@media (prefers-color-scheme: dark)" in marketer.get(address).content.decode()
        assert "@media all" in marketer.get(address, {"dark": "1"}).content.decode()

    def test_what_is_in_the_editor_is_sent_as_a_test(self, marketer):
        posted = {"subjects": {"en": "Hi", "zh-hans": "您好"}, "document": document(block("divider"), block("footer"))}
        answer = self.post(marketer, "design_test", {**posted, "addresses": "a@x.example b@x.example"}).json()
        assert answer == {"sent": "4 tests were sent to a@x.example, b@x.example."}
        assert len(mail.outbox) == 4
        assert {sent.subject for sent in mail.outbox} == {"[Test] Hi", "[Test] 您好"}
        # when the address or the design is wrong
        for wrong, field in (({"addresses": "x"}, "addresses"), ({"document": {"blocks": []}}, "blocks")):
            refused = self.post(marketer, "design_test", {**posted, "addresses": "a@x.example", **wrong}).json()
            assert refused["field"] == field
        # then nothing more is sent
        assert len(mail.outbox) == 4

    def test_a_draft_is_discarded(self, marketer):
        draft = designs.start_draft(design="", actor=SYSTEM)
        marketer.post(reverse("design_discard", args=[draft.pk]))
        assert not TemplateDraft.objects.exists()

    def test_a_ready_design_is_shown_in_its_frame(self, marketer):
        shown = marketer.get(reverse("design_ready", args=["birthday"]))
        assert "Happy birthday" in shown.content.decode()
        assert "sandbox" in shown["Content-Security-Policy"]
        assert marketer.get(reverse("design_ready", args=["nothing"])).status_code == 404


class TestPictures:
    def test_a_picture_is_scaled_to_what_an_email_shows(self, marketer, client):
        answer = marketer.post(reverse("design_upload"), {"picture": png(2400, 1200)})
        row = DesignPicture.objects.get()
        assert (row.width, row.height, row.name[-4:]) == (1200, 600, ".jpg")
        assert answer.json()["name"] == row.name
        public = client.get(reverse("design_picture", args=[row.name]))
        assert public["Content-Type"] == "image/jpeg"
        with Image.open(io.BytesIO(b"".join(public.streaming_content))) as picture:
            assert picture.size == (1200, 600)

    def test_a_clear_picture_stays_clear(self):
        row = save_picture(upload=png(40, 40, "RGBA"), actor=SYSTEM)
        assert row.name.endswith(".png")

    @pytest.mark.parametrize(
        ("content", "code"), [(b"<svg onload=alert(1)>", "invalid"), (b"\x89PNG\r\n\x1a\nxx", "damaged")]
    )
    def test_what_is_no_picture_is_refused(self, marketer, content, code):
        answer = marketer.post(reverse("design_upload"), {"picture": SimpleUploadedFile("a.png", content)})
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert not DesignPicture.objects.exists()

    def test_a_picture_that_is_too_large_is_refused(self, monkeypatch):
        monkeypatch.setattr("campaigns.designs.services.pictures.UPLOAD_BYTES", 10)
        with pytest.raises(Invalid) as refused:
            save_picture(upload=png(40, 40), actor=SYSTEM)
        assert refused.value.code == "too_large"
        assert not DesignPicture.objects.exists()

    def test_no_picture_is_refused(self, marketer):
        answer = marketer.post(reverse("design_upload"))
        assert (answer.status_code, answer.json()["code"]) == (422, "required")

    def test_the_code_of_a_member_is_a_picture_of_the_number(self, client, make_customer):
        customer = make_customer("Ada")
        path = member_code_url(customer.pk).partition("/m/")[2]
        picture = client.get(f"/m/{path}")
        assert picture["Content-Type"] == "image/png"
        with Image.open(io.BytesIO(picture.content)) as code:
            assert code.size[0] == code.size[1] > 150
        assert client.get("/m/forged.png").status_code == 404


class TestSavedBlocks:
    def test_a_block_is_kept_and_deleted(self, marketer):
        saved = marketer.post(
            reverse("design_keep_block"),
            json.dumps({"name": "Our footer", "block": block("footer", note="Hi")}),
            content_type="application/json",
        ).json()["saved"]
        row = SavedBlock.objects.get()
        assert [(one["id"], one["name"], one["block"]["texts"]) for one in saved] == [
            (row.pk, "Our footer", {"en": {"note": "Hi"}})
        ]
        left = marketer.post(reverse("design_delete_block", args=[row.pk])).json()
        assert left == {"saved": []}
        assert not SavedBlock.objects.exists()

    @pytest.mark.parametrize(
        ("name", "one", "code"),
        [
            (" ", block("footer"), "invalid"),
            ("Twice", block("footer"), "name_taken"),
            ("Wrong", {"kind": "video"}, "unknown_block"),
            ("Empty", None, "unknown_block"),
        ],
    )
    def test_a_wrong_block_is_not_kept(self, name, one, code):
        save_block(name="Twice", block=block("footer", note="Hi"), actor=SYSTEM)
        with pytest.raises(Invalid) as refused:
            save_block(name=name, block=one, actor=SYSTEM)
        assert refused.value.code == code
        assert SavedBlock.objects.count() == 1

    def test_a_shop_keeps_at_most_a_hundred_blocks(self, monkeypatch):
        monkeypatch.setattr("campaigns.designs.services.library.MOST_SAVED", 1)
        save_block(name="One", block=block("footer", note="Hi"), actor=SYSTEM)
        with pytest.raises(Invalid) as refused:
            save_block(name="Two", block=block("footer", note="Hi"), actor=SYSTEM)
        assert refused.value.code == "too_many"
        assert SavedBlock.objects.count() == 1
