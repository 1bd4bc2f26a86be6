import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

from core import embedded

embedded.attach()

from django.core.wsgi import get_wsgi_application

from config.celery import app as celery_app

application = get_wsgi_application()
celery_app.set_default()
