import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

from core import embedded

embedded.attach()

from django.core.asgi import get_asgi_application

application = get_asgi_application()
