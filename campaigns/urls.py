"""Routes of campaigns: the API, the console, and public pages that messages link to."""

from django.urls import path

import core.api.converters  # noqa: F401
from campaigns.broadcasts import api as broadcasts_api
from campaigns.broadcasts.console import broadcasts
from campaigns.calendar import console as calendar_settings
from campaigns.care.console import care
from campaigns.channels import console as channels
from campaigns.coupons.api import codes as coupon_codes_api
from campaigns.coupons.api import views as coupons_api
from campaigns.coupons.console import coupons
from campaigns.coupons.console import uses as coupon_uses
from campaigns.designs import public as designs
from campaigns.experiments.console import experiments
from campaigns.journeys import api as journeys_api
from campaigns.journeys.console import editor as journey_editor
from campaigns.journeys.console import journeys
from campaigns.journeys.console import results as journey_results
from campaigns.messages.api import inbox as inbox_api
from campaigns.messages.api import suppressions as suppressions_api
from campaigns.messages.console import deliverability, suppressions
from campaigns.messages.console import policy as sending
from campaigns.messages.public import hooks, links
from campaigns.preferences import public as preferences
from campaigns.reports.api import CalendarView
from campaigns.reports.console import calendar, compare, messages, opportunities, results, why
from campaigns.templates import public as member_codes
from campaigns.templates.console import designs as designing
from campaigns.templates.console import templates
from campaigns.transactional import api as messages_api

COMMANDS = ("schedule", "unschedule", "pause", "resume", "stop")
api = [
    path("broadcasts", broadcasts_api.BroadcastsViewSet.as_view({"get": "list", "post": "create"})),
    path(
        "broadcasts/<id:broadcast>",
        broadcasts_api.BroadcastsViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
    ),
    path("broadcasts/<id:broadcast>/preview", broadcasts_api.BroadcastsViewSet.as_view({"get": "preview"})),
    *(
        path(f"broadcasts/<id:broadcast>/{command}", broadcasts_api.BroadcastsViewSet.as_view({"post": command}))
        for command in COMMANDS
    ),
    path("coupons/validate", coupons_api.ValidateView.as_view()),
    path("coupons/reservations", coupons_api.ReservationsView.as_view()),
    path("coupons/reservations/<uuid:reservation>/redeem", coupons_api.RedeemView.as_view()),
    path("coupons/reservations/<uuid:reservation>/release", coupons_api.ReleaseView.as_view()),
    path("coupons/<id:coupon>/issue", coupons_api.IssueView.as_view()),
    path("coupons/<id:coupon>/codes", coupon_codes_api.GenerationsView.as_view()),
    path("coupons/<id:coupon>/codes/<id:generation>", coupon_codes_api.GenerationView.as_view()),
    path("coupons/<id:coupon>/codes/<id:generation>/file", coupon_codes_api.GenerationFileView.as_view()),
    path("calendar", CalendarView.as_view()),
    path("messages", messages_api.MessagesView.as_view()),
    path("messages/<uuid:message>", messages_api.MessageView.as_view()),
    path("suppressions", suppressions_api.SuppressionsViewSet.as_view({"get": "list", "post": "create"})),
    path("suppressions/<id:suppression>/lift", suppressions_api.SuppressionsViewSet.as_view({"post": "lift"})),
    path("journeys/<id:journey>/entries", journeys_api.EntriesView.as_view()),
    path("customers/<ref:number>/coupons", coupons_api.CustomerCouponsView.as_view()),
    path("customers/<ref:number>/inbox", inbox_api.InboxViewSet.as_view({"get": "list"})),
    path("customers/<ref:number>/inbox/unread", inbox_api.InboxViewSet.as_view({"get": "unread"})),
    path("customers/<ref:number>/inbox/read", inbox_api.InboxViewSet.as_view({"post": "read_all"})),
    path("customers/<ref:number>/inbox/<uuid:message>/read", inbox_api.InboxViewSet.as_view({"post": "read"})),
]
console = [
    path("care/", care.index, name="care"),
    path("care/new/", care.new, name="care_new"),
    path("care/<int:pk>/", care.show, name="care_rule"),
    path("care/<int:pk>/edit/", care.edit, name="care_edit"),
    path("care/<int:pk>/preview/", care.preview, name="care_preview"),
    path("care/<int:pk>/activate/", care.activate, name="care_activate"),
    path("care/<int:pk>/pause/", care.pause, name="care_pause"),
    path("broadcasts/", broadcasts.index, name="broadcasts"),
    path("broadcasts/new/", broadcasts.new, name="broadcast_new"),
    path("broadcasts/<int:pk>/", broadcasts.show, name="broadcast"),
    path("broadcasts/<int:pk>/counts/", broadcasts.counts, name="broadcast_counts"),
    path("broadcasts/<int:pk>/results/", results.of_broadcast, name="broadcast_results"),
    path("care/<int:pk>/results/", results.of_rule, name="care_results"),
    path("coupons/<int:pk>/results/", results.of_coupon, name="coupon_results"),
    path("journeys/<int:pk>/message-results/", results.of_journey, name="journey_message_results"),
    path("campaigns/compare/", compare.index, name="campaign_compare"),
    path("campaigns/compare.csv", compare.export, name="campaign_compare_export"),
    path("broadcasts/<int:pk>/edit/", broadcasts.edit, name="broadcast_edit"),
    path("broadcasts/<int:pk>/preview/", broadcasts.preview, name="broadcast_preview"),
    path("broadcasts/<int:pk>/schedule/", broadcasts.schedule, name="broadcast_schedule"),
    path("broadcasts/<int:pk>/unschedule/", broadcasts.unschedule, name="broadcast_unschedule"),
    path("broadcasts/<int:pk>/pause/", broadcasts.pause, name="broadcast_pause"),
    path("broadcasts/<int:pk>/resume/", broadcasts.resume, name="broadcast_resume"),
    path("broadcasts/<int:pk>/stop/", broadcasts.stop, name="broadcast_stop"),
    path("opportunities/<slug:code>/draft/", opportunities.draft, name="opportunity_draft"),
    path("calendar/", calendar.index, name="calendar"),
    path("calendar/<int:pk>/remove/", calendar_settings.remove, name="calendar_remove"),
    path("calendar/<int:pk>/move/", calendar_settings.move_day, name="calendar_move_day"),
    path("calendar/broadcasts/<int:pk>/move/", calendar.move_campaign, name="calendar_move_broadcast"),
    path("settings/calendar/", calendar_settings.settings, name="calendar_settings"),
    path("channels/", channels.index, name="channels"),
    path("channels/new/", channels.new, name="channel_new"),
    path("channels/<slug:channel>/test/", channels.test, name="channel_test"),
    path("channels/<int:pk>/", channels.edit, name="channel"),
    path("channels/<int:pk>/switch/", channels.switch, name="channel_switch"),
    path("journeys/", journeys.index, name="journeys"),
    path("journeys/new/", journeys.new, name="journey_new"),
    path("journeys/runs/<int:pk>/", journeys.run, name="journey_run"),
    path("journeys/<int:pk>/", journeys.show, name="journey"),
    path("journeys/<int:pk>/counts/", journeys.counts, name="journey_counts"),
    path("journeys/<int:pk>/results/", journey_results.of_journey, name="journey_results"),
    path("journeys/<int:pk>/customers/", journey_results.customers, name="journey_customers"),
    path("journeys/<int:pk>/customers/save/", journey_results.save_list, name="journey_customers_save"),
    path("journeys/<int:pk>/edit/", journey_editor.edit, name="journey_edit"),
    path("journeys/<int:pk>/steps/<slug:step_id>/", journey_editor.step, name="journey_step"),
    path("journeys/<int:pk>/add/", journey_editor.add, name="journey_add"),
    path("journeys/<int:pk>/change/", journey_editor.change, name="journey_change"),
    path("journeys/<int:pk>/tree/", journey_editor.tree, name="journey_tree"),
    path("journeys/<int:pk>/try/", journeys.trial, name="journey_try"),
    path("journeys/<int:pk>/publish/", journeys.publish, name="journey_publish"),
    path("journeys/<int:pk>/pause/", journeys.pause, name="journey_pause"),
    path("journeys/<int:pk>/resume/", journeys.resume, name="journey_resume"),
    path("journeys/<int:pk>/stop/", journeys.stop, name="journey_stop"),
    path("journeys/<int:pk>/delete/", journeys.delete, name="journey_delete"),
    path("messages/", messages.index, name="messages"),
    path("messages/list/", messages.save_list, name="messages_save_list"),
    path("messages/<uuid:pk>/", messages.show, name="message"),
    path("messages/<uuid:pk>/body/", messages.body, name="message_body"),
    path("messages/<uuid:pk>/again/", messages.again, name="message_again"),
    path("messages/<uuid:pk>/sent/", messages.sent, name="message_sent"),
    path("templates/", templates.index, name="templates"),
    path("templates/new/", templates.new, name="template_new"),
    path("templates/preview/", templates.preview, name="template_preview"),
    path("templates/preview/<slug:mark>/", templates.draft, name="template_draft"),
    path("templates/designs/", designing.choose, name="design_choose"),
    path("templates/designs/start/", designing.start, name="design_start"),
    path("templates/designs/preview/", designing.preview, name="design_preview"),
    path("templates/designs/test/", designing.test, name="design_test"),
    path("templates/designs/pictures/", designing.upload, name="design_upload"),
    path("templates/designs/blocks/", designing.keep_block, name="design_keep_block"),
    path("templates/designs/blocks/<int:pk>/delete/", designing.delete_block, name="design_delete_block"),
    path("templates/designs/ready/<slug:code>/", designing.ready, name="design_ready"),
    path("templates/designs/<int:pk>/", designing.edit, name="design_edit"),
    path("templates/designs/<int:pk>/save/", designing.autosave, name="design_autosave"),
    path("templates/designs/<int:pk>/publish/", designing.publish, name="design_publish"),
    path("templates/designs/<int:pk>/discard/", designing.discard, name="design_discard"),
    path("templates/<int:pk>/", templates.show, name="template"),
    path("templates/<int:pk>/design/", designing.open_template, name="template_design"),
    path("templates/<int:pk>/edit/", templates.edit, name="template_edit"),
    path("templates/<int:pk>/body/", templates.body, name="template_body"),
    path("templates/<int:pk>/restore/", templates.restore, name="template_restore"),
    path("templates/<int:pk>/test/", templates.test, name="template_test"),
    path("coupons/", coupons.index, name="coupons"),
    path("coupons/for-segment/<int:pk>/", coupons.for_segment, name="coupon_for_segment"),
    path("coupons/uses/", coupon_uses.index, name="coupon_uses"),
    path("coupons/new/", coupons.new, name="coupon_new"),
    path("coupons/<int:pk>/", coupons.show, name="coupon"),
    path("coupons/<int:pk>/edit/", coupons.edit, name="coupon_edit"),
    path("coupons/<int:pk>/switch/", coupons.switch, name="coupon_switch"),
    path("coupons/<int:pk>/jobs/", coupons.jobs, name="coupon_jobs"),
    path("coupons/<int:pk>/issue/", coupons.issue, name="coupon_issue"),
    path("coupons/<int:pk>/issue/segment/", coupons.issue_segment, name="coupon_issue_segment"),
    path("coupons/<int:pk>/codes/", coupons.generate, name="coupon_generate"),
    path("coupons/<int:pk>/codes/<int:job>.csv", coupons.codes_file, name="coupon_codes_file"),
    path("customers/<str:number>/coupons/", coupons.give, name="coupon_give"),
    path("customers/<str:number>/why/", why.show, name="why"),
    path("customers/<str:number>/suppressions/", sending.suppress, name="suppress"),
    path("suppressions/", suppressions.index, name="suppressions"),
    path("suppressions/add/", suppressions.add, name="suppressions_add"),
    path("suppressions/export.csv", suppressions.export, name="suppressions_export"),
    path("deliverability/", deliverability.index, name="deliverability"),
    path("suppressions/<int:pk>/lift/", sending.lift, name="suppression_lift"),
    path("experiments/", experiments.index, name="experiments"),
    path("experiments/new/", experiments.new, name="experiment_new"),
    path("experiments/<int:pk>/", experiments.show, name="experiment"),
    path("experiments/<int:pk>/edit/", experiments.edit, name="experiment_edit"),
    path("experiments/<int:pk>/start/", experiments.start, name="experiment_start"),
    path("experiments/<int:pk>/end/", experiments.end, name="experiment_end"),
    path("sending/", sending.limits, name="sending"),
    path("sending/edit/", sending.edit, name="sending_edit"),
]
public = [
    path("u/<str:token>/", preferences.unsubscribe_page, name="unsubscribe"),
    path("c/<str:token>/", links.follow_link, name="follow_link"),
    path("o/<str:token>.gif", links.open_dot, name="open_dot"),
    path("design-pictures/<str:name>", designs.picture, name="design_picture"),
    path("m/<str:token>.png", member_codes.member_code, name="member_code"),
    path("p/<str:token>/", preferences.preferences_page, name="message_preferences"),
    path("hooks/messages/<int:pk>/", hooks.receipts, name="message_receipts"),
    path("hooks/email/<slug:provider>/", hooks.mail_events, name="mail_events"),
]
