"""The application for WSGI servers: `gunicorn -c app/gunicorn_conf.py app.wsgi:application`."""

from app.application import create_app

application = create_app()
