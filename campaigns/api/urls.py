from django.urls import path

import core.api.converters  # noqa: F401
from campaigns.api import journeys, views

urlpatterns = [
    path("coupons/validate", views.ValidateView.as_view()),
    path("coupons/reservations", views.ReservationsView.as_view()),
    path("coupons/reservations/<uuid:reservation>/redeem", views.RedeemView.as_view()),
    path("coupons/reservations/<uuid:reservation>/release", views.ReleaseView.as_view()),
    path("coupons/<id:coupon>/issue", views.IssueView.as_view()),
    path("journeys/<id:journey>/entries", journeys.EntriesView.as_view()),
    path("customers/<ref:number>/coupons", views.CustomerCouponsView.as_view()),
    path("customers/<ref:number>/inbox", views.InboxViewSet.as_view({"get": "list"})),
    path("customers/<ref:number>/inbox/unread", views.InboxViewSet.as_view({"get": "unread"})),
    path("customers/<ref:number>/inbox/read", views.InboxViewSet.as_view({"post": "read_all"})),
    path("customers/<ref:number>/inbox/<uuid:message>/read", views.InboxViewSet.as_view({"post": "read"})),
]
