from django.urls import path

import core.api.converters  # noqa: F401
from campaigns.api import broadcasts, coupon_codes, journeys, messages, views

COMMANDS = ("schedule", "unschedule", "pause", "resume", "stop")

urlpatterns = [
    path("broadcasts", broadcasts.BroadcastsViewSet.as_view({"get": "list", "post": "create"})),
    path(
        "broadcasts/<id:broadcast>",
        broadcasts.BroadcastsViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
    ),
    path("broadcasts/<id:broadcast>/preview", broadcasts.BroadcastsViewSet.as_view({"get": "preview"})),
    *(
        path(f"broadcasts/<id:broadcast>/{command}", broadcasts.BroadcastsViewSet.as_view({"post": command}))
        for command in COMMANDS
    ),
    path("coupons/validate", views.ValidateView.as_view()),
    path("coupons/reservations", views.ReservationsView.as_view()),
    path("coupons/reservations/<uuid:reservation>/redeem", views.RedeemView.as_view()),
    path("coupons/reservations/<uuid:reservation>/release", views.ReleaseView.as_view()),
    path("coupons/<id:coupon>/issue", views.IssueView.as_view()),
    path("coupons/<id:coupon>/codes", coupon_codes.GenerationsView.as_view()),
    path("coupons/<id:coupon>/codes/<id:generation>", coupon_codes.GenerationView.as_view()),
    path("coupons/<id:coupon>/codes/<id:generation>/file", coupon_codes.GenerationFileView.as_view()),
    path("messages", messages.MessagesView.as_view()),
    path("messages/<uuid:message>", messages.MessageView.as_view()),
    path("journeys/<id:journey>/entries", journeys.EntriesView.as_view()),
    path("customers/<ref:number>/coupons", views.CustomerCouponsView.as_view()),
    path("customers/<ref:number>/inbox", views.InboxViewSet.as_view({"get": "list"})),
    path("customers/<ref:number>/inbox/unread", views.InboxViewSet.as_view({"get": "unread"})),
    path("customers/<ref:number>/inbox/read", views.InboxViewSet.as_view({"post": "read_all"})),
    path("customers/<ref:number>/inbox/<uuid:message>/read", views.InboxViewSet.as_view({"post": "read"})),
]
