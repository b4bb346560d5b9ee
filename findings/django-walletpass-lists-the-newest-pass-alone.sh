#!/usr/bin/env bash
# django-walletpass 5.0.1 (PyPI), the list call of Apple's web service.
#
# Guess before: the list names each pass that has changed since the tag, whenever that was.
# Seen: of the passes that have changed since the tag, only those with the very latest change are named,
# under a tag of that moment. A phone with two passes that changed 4 s apart hears of the later one, and
# never of the other. Besides, the tag is an ISO date with `+00:00`; where a phone sends it back as it
# is, `+` arrives as a blank, the date is read as that day's midnight, and a pass that the phone has
# already is listed again under the tag that the phone has already.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"

python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
  django-walletpass==5.0.1 Django==5.2.19 djangorestframework==3.18.3 python-dateutil==4.0.0
cat >probe.py <<'PYTHON'
import datetime, json, warnings
from urllib.parse import quote

import django
from django.conf import settings

warnings.simplefilter("ignore")
settings.configure(
    SECRET_KEY="x" * 50, ALLOWED_HOSTS=["*"], USE_TZ=True, ROOT_URLCONF="django_walletpass.urls",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework", "django_walletpass"],
    WALLETPASS={"PASS_TYPE_ID": "pass.com.example.loyalty", "TEAM_ID": "ABCDE12345", "SERVICE_URL": "https://p.example/"},
)
django.setup()
from django.core.management import call_command
from django.test import Client
from django_walletpass.models import Pass

call_command("migrate", verbosity=0)
phone = Client()
device = "/v1/devices/phone/registrations/pass.com.example.loyalty"
start = datetime.datetime(2026, 12, 1, 8, tzinfo=datetime.timezone.utc)


def change(serial, seconds):
    at = start + datetime.timedelta(seconds=seconds)
    Pass.objects.filter(serial_number=serial).update(updated_at=at)


def listed(since):
    answer = phone.get(device + since)
    return answer.json() if answer.content else {}


for serial in ("A", "B"):
    Pass.objects.create(pass_type_identifier="pass.com.example.loyalty", serial_number=serial, authentication_token="t")
    phone.post(f"{device}/{serial}", json.dumps({"pushToken": "aa"}), "application/json", HTTP_AUTHORIZATION="ApplePass t")
    change(serial, 0)
tag = listed("")["lastUpdated"]
change("A", 5)
change("B", 9)
first = listed(f"?passesUpdatedSince={quote(tag)}")
tag = first["lastUpdated"]
print("changed A and B, listed", first["serialNumbers"])
print("then", listed(f"?passesUpdatedSince={quote(tag)}").get("serialNumbers", []))
bare = listed(f"?passesUpdatedSince={tag}")
print("the tag sent bare", bare.get("serialNumbers", []), "new tag", bare.get("lastUpdated") != tag)
PYTHON
seen=$(venv/bin/python probe.py)
echo "$seen"
[[ "$seen" == "changed A and B, listed ['B']
then []
the tag sent bare ['B'] new tag False" ]]
