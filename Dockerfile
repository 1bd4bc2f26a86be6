# The image of web, workers and beat; compose.yaml runs it beside PostgreSQL and two Valkeys.
FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /srv/liuke
COPY requirements.txt Makefile ./
RUN make .venv/.runtime
COPY . .
RUN make static
RUN useradd --system --user-group --no-create-home liuke && install -d -o liuke -g liuke -m 0700 /var/lib/liuke
USER liuke
ENV DJANGO_SETTINGS_MODULE=config.settings.production LIUKE_VAR=/var/lib/liuke BIND=0.0.0.0 PYTHONUNBUFFERED=1
VOLUME /var/lib/liuke
EXPOSE 8000
CMD [".venv/bin/python", "manage.py", "run", "web"]
