"""URL configuration of the console with the import pages, independent of the project's own."""

from django.urls import include, path

from crm import urls

urlpatterns = [path("", include(urls.console)), path("", include("config.urls"))]
