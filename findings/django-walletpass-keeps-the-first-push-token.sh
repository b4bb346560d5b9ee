#!/usr/bin/env bash
# django-walletpass 5.0.1 (PyPI), registering again with a new push token.
#
# Guess before: the registration takes the new token, since a phone tells of a new one in no other way.
# Seen: a pass that the phone has registered before is answered 200, and the token in the body is not
# read. Pushes go on to the old token until APNs refuses it; then the registration is removed, and the
# phone, which believes to be registered, hears nothing more.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"

python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
  django-walletpass==5.0.1 Django==5.2.19 djangorestframework==3.18.3 python-dateutil==4.0.0
cat >probe.py <<'PYTHON'
import json

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="x" * 50, ALLOWED_HOSTS=["*"], USE_TZ=True, ROOT_URLCONF="django_walletpass.urls",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework", "django_walletpass"],
    WALLETPASS={"PASS_TYPE_ID": "pass.com.example.ticket", "TEAM_ID": "ABCDE12345", "SERVICE_URL": "https://p.example/"},
)
django.setup()
from django.core.management import call_command
from django.test import Client
from django_walletpass.models import Pass, Registration

call_command("migrate", verbosity=0)
Pass.objects.create(pass_type_identifier="pass.com.example.ticket", serial_number="A", authentication_token="t")
for token in ("aa", "bb"):
    answer = Client().post(
        "/v1/devices/phone/registrations/pass.com.example.ticket/A",
        json.dumps({"pushToken": token}), "application/json", HTTP_AUTHORIZATION="ApplePass t",
    )
    print("sent", token, answer.status_code, "kept", Registration.objects.get().push_token)
PYTHON
seen=$(venv/bin/python probe.py)
echo "$seen"
[[ "$seen" == "sent aa 201 kept aa
sent bb 200 kept aa" ]]
