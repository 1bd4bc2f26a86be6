"""The console with the import pages, wherever the project mounts them."""

from django.urls import include, path

urlpatterns = [path("", include("crm.console.urls_imports")), path("", include("config.urls"))]
