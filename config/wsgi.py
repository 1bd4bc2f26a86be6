import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

from core import embedded

embedded.attach()

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
