"""The storefront's API and its documentation."""

from django.contrib.auth.decorators import login_not_required
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from analytics import urls as analytics_urls
from campaigns import urls as campaigns_urls
from core.api.views import UnknownPathView
from crm import urls as crm_urls
from loyalty import urls as loyalty_urls

v1 = [
    # Routes are tried in this order; the routes of points come first because a checkout waits for them.
    path("", include(loyalty_urls.api)),
    path("", include(crm_urls.api)),
    path("", include(analytics_urls.api)),
    path("", include(campaigns_urls.api)),
]

urlpatterns = [
    path("v1/", include(v1)),
    path("schema/", login_not_required(SpectacularJSONAPIView.as_view(throttle_classes=[])), name="api-schema"),
    path(
        "docs/",
        login_not_required(SpectacularSwaggerSplitView.as_view(url_name="api-schema", throttle_classes=[])),
        name="api-docs",
    ),
    # Last: every path without a route above. The common middleware adds the slash to `schema` and `docs`.
    re_path(r"^(?!(?:schema|docs)$)", UnknownPathView.as_view(), name="api-unknown"),
]
