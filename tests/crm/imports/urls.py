"""URL configuration of the console with the import pages, independent of the project's own."""

from django.urls import include, path

urlpatterns = [path("", include("crm.urls")), path("", include("config.urls"))]
