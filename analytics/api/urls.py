from django.urls import path

import core.api.converters  # noqa: F401
from analytics.api import views

urlpatterns = [
    path("segments", views.SegmentsViewSet.as_view({"get": "list", "post": "create"})),
    path("segments/<id:segment>", views.SegmentsViewSet.as_view({"get": "retrieve", "patch": "partial_update"})),
    path("segments/<id:segment>/members", views.SegmentMembersViewSet.as_view({"get": "list", "post": "add"})),
    path("segments/<id:segment>/members/remove", views.SegmentMembersViewSet.as_view({"post": "remove"})),
    path("customers/<ref:number>/segments", views.CustomerSegmentsView.as_view()),
]
