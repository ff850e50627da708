"""django-otp's verify_token behind one view, and nothing else: no middleware, no session, no query for the user.

    peer.py fill N      makes the tables and N users, each with an HOTP device
    gunicorn peer:application

PEER_PORT names the port of PostgreSQL on loopback. Secrets follow from numbers, as in the bench's own fleet.
"""

import hashlib
import os
import sys

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="peer",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    MIDDLEWARE=[],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django_otp",
        "django_otp.plugins.otp_hotp",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "peer",
            "USER": "test",
            "HOST": "127.0.0.1",
            "PORT": os.environ["PEER_PORT"],
            "CONN_MAX_AGE": None,
        }
    },
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django_otp import verify_token  # noqa: E402
from django_otp.plugins.otp_hotp.models import HOTPDevice  # noqa: E402


def verify(request, number, token):
    user = User(pk=number + 1)
    device = verify_token(user, f"{HOTPDevice.model_label()}/{number + 1}", token)
    return HttpResponse(status=200 if device else 403)


def fill(count):
    call_command("migrate", verbosity=0)
    users = [User(pk=n + 1, username=f"subject-{n:08d}", password="!") for n in range(count)]
    User.objects.bulk_create(users, batch_size=1000)
    devices = []
    for n in range(count):
        key = hashlib.sha256(f"secret {n}".encode()).digest()[:20].hex()
        devices.append(HOTPDevice(pk=n + 1, user_id=n + 1, name="Token", key=key, tolerance=20))
    HOTPDevice.objects.bulk_create(devices, batch_size=1000)


urlpatterns = [path("verify/<int:number>/<str:token>", verify)]
application = get_wsgi_application()

if __name__ == "__main__" and sys.argv[1] == "fill":
    fill(int(sys.argv[2]))
