from django.contrib import admin
from django.urls import include, path

from analytics import urls as analytics_urls
from campaigns import urls as campaigns_urls
from core import urls as core_urls
from core.http import ops
from crm import urls as crm_urls
from loyalty import urls as loyalty_urls

urlpatterns = [
    path("api/", include("config.api_urls")),
    path("healthz", ops.healthz),
    path("readyz", ops.readyz),
    path("metrics", ops.metrics),
    path("", include(core_urls.console)),
    path("", include(crm_urls.console)),
    path("", include(loyalty_urls.console)),
    path("", include(analytics_urls.console)),
    path("", include(campaigns_urls.console)),
    path("", include(campaigns_urls.public)),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
