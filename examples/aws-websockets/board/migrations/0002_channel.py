"""The one channel that connections may join; the package refuses every other."""

from typing import Any

from django.db import migrations


def add(apps: Any, _editor: object) -> None:  # noqa: ANN401 - Django's registry of historical models
    """Let everybody with a token in: tokens are for people who are logged in."""
    permissions = apps.get_model("django_aws_api_gateway_websockets", "ChannelPermission")
    permissions.objects.get_or_create(channel_name="board", defaults={"access": "allow_all"})


class Migration(migrations.Migration):
    """After the package has its tables."""

    dependencies = (
        ("board", "0001_initial"),
        ("django_aws_api_gateway_websockets", "0015_alter_apigateway_provisioning_status"),
    )
    operations = (migrations.RunPython(add, migrations.RunPython.noop),)
