"""The storefront's API and its documentation."""

from django.contrib.auth.decorators import login_not_required
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from core.api.views import UnknownPathView

v1 = [
    # Routes are tried in this order, and a checkout waits for those of the points.
    path("", include("loyalty.api.urls")),
    path("", include("crm.api.urls")),
    path("", include("analytics.api.urls")),
    path("", include("campaigns.api.urls")),
]

urlpatterns = [
    path("v1/", include(v1)),
    path("schema/", login_not_required(SpectacularJSONAPIView.as_view(throttle_classes=[])), name="api-schema"),
    path(
        "docs/",
        login_not_required(SpectacularSwaggerSplitView.as_view(url_name="api-schema", throttle_classes=[])),
        name="api-docs",
    ),
    # Last, for every path that no route above has; `schema` and `docs` get their slash from the common middleware.
    re_path(r"^(?!(?:schema|docs)$)", UnknownPathView.as_view(), name="api-unknown"),
]
