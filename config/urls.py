from django.contrib import admin
from django.urls import include, path

from core import ops

urlpatterns = [
    path("api/", include("config.api_urls")),
    path("healthz", ops.healthz),
    path("readyz", ops.readyz),
    path("metrics", ops.metrics),
    path("", include("core.console.urls")),
    path("", include("crm.console.urls")),
    path("", include("crm.console.urls_tickets")),
    path("", include("crm.console.urls_imports")),
    path("", include("loyalty.console.urls")),
    path("", include("analytics.console.urls")),
    path("", include("campaigns.console.urls")),
    path("", include("campaigns.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
