from django.urls import path

from crm.console import imports

urlpatterns = [
    path("imports/", imports.index, name="imports"),
    path("imports/new/", imports.new, name="import_new"),
    path("imports/<int:pk>/", imports.show, name="import_run"),
    path("imports/<int:pk>/map/", imports.columns, name="import_map"),
    path("imports/<int:pk>/progress/", imports.progress, name="import_progress"),
    path("imports/<int:pk>/start/", imports.start, name="import_start"),
    path("imports/<int:pk>/refused/", imports.refused, name="import_refused"),
    path("imports/<int:pk>/refused.csv", imports.refused_file, name="import_refused_file"),
]
