"""Routes of analytics: the API, the console and public pages."""

from django.urls import path

import core.api.converters  # noqa: F401
from analytics.features import console as scoring
from analytics.segments.api import views as views_api
from analytics.segments.console import lists, profiles, segments, uploads

api = [
    path("segments", views_api.SegmentsViewSet.as_view({"get": "list", "post": "create"})),
    path("segments/<id:segment>", views_api.SegmentsViewSet.as_view({"get": "retrieve", "patch": "partial_update"})),
    path("segments/<id:segment>/members", views_api.SegmentMembersViewSet.as_view({"get": "list", "post": "add"})),
    path("segments/<id:segment>/members/remove", views_api.SegmentMembersViewSet.as_view({"post": "remove"})),
    path("customers/<ref:number>/segments", views_api.CustomerSegmentsView.as_view()),
]
console = [
    path("settings/scoring/", scoring.show, name="scoring"),
    path("settings/scoring/preview/<int:pk>/", scoring.preview, name="scoring_preview"),
    path("settings/scoring/preview/<int:pk>/apply/", scoring.apply, name="scoring_apply"),
    path("segments/", segments.index, name="segments"),
    path("segments/new/", segments.new, name="segment_new"),
    path("segments/preview/", segments.preview, name="segment_preview"),
    path("segments/complete/", segments.complete, name="segment_complete"),
    path("segments/lists/new/", lists.new, name="segment_list_new"),
    path("segments/lists/add/", lists.add, name="segment_list_add"),
    path("segments/<int:pk>/upload/", uploads.new, name="segment_upload"),
    path("segments/<int:pk>/uploads/<int:upload>/", uploads.show, name="list_upload"),
    path("segments/<int:pk>/uploads/<int:upload>/progress/", uploads.progress, name="list_upload_progress"),
    path("segments/<int:pk>/uploads/<int:upload>/again/", uploads.again, name="list_upload_again"),
    path("segments/<int:pk>/uploads/<int:upload>/not-found/", uploads.refused, name="list_upload_refused"),
    path("segments/<int:pk>/remove/", lists.remove, name="segment_remove"),
    path("segments/<int:pk>/", segments.show, name="segment"),
    path("segments/<int:pk>/edit/", segments.edit, name="segment_edit"),
    path("segments/<int:pk>/reach/", segments.reach, name="segment_reach"),
    path("segments/<int:pk>/profile/", profiles.profile, name="segment_profile"),
    path("segments/<int:pk>/status/", segments.status, name="segment_status"),
    path("segments/<int:pk>/archive/", segments.archive, name="segment_archive"),
    path("segments/<int:pk>/recompute/", segments.recompute, name="segment_recompute"),
]
