from django.urls import path

from core.console import pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("search/", pages.search, name="search"),
    path("palette/", pages.palette_results, name="palette"),
    path("preferences/", pages.preferences, name="preferences"),
    path("preferences/language/", pages.set_language, name="set_language"),
    path("preferences/theme/", pages.set_theme, name="set_theme"),
    path("components/", pages.components, name="components"),
]
