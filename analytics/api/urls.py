from django.urls import path

import core.api.converters  # noqa: F401
from analytics.api import views

urlpatterns = [
    path("segments", views.SegmentsViewSet.as_view({"get": "list"})),
    path("segments/<id:segment>/members", views.SegmentMembersViewSet.as_view({"get": "list"})),
    path("customers/<ref:number>/segments", views.CustomerSegmentsView.as_view()),
]
