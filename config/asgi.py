import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")
os.environ.setdefault("DATABASE_STATEMENT_TIMEOUT", "60")

from core import embedded

embedded.attach()

from django.core.asgi import get_asgi_application

application = get_asgi_application()

from core.processes import startup

startup.check_or_exit()
