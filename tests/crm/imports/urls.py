"""URL configuration of the console with the import pages, independent of the project's own."""

from django.urls import include, path

urlpatterns = [path("", include("crm.console.urls_imports")), path("", include("config.urls"))]
