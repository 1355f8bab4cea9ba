"""Tells the application of an API Gateway that was made outside it, by Terraform for example."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django_aws_api_gateway_websockets.models import ApiGateway


class Command(BaseCommand):
    """Registers a gateway, or changes what is registered for its id."""

    help = "Register an existing WebSocket API of AWS API Gateway."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what the gateway is called at AWS."""
        parser.add_argument("api_id", help="the API's id, the first part of its host name")
        parser.add_argument("--stage", default="production", help="its stage (default: production)")
        parser.add_argument(
            "--endpoint", required=True, help="where its integrations lead: https://HOST/socket/"
        )

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Write the row; AWS is not asked and not changed."""
        values = {
            "api_name": options["api_id"],
            "stage_name": options["stage"],
            "target_base_endpoint": options["endpoint"],
            "api_created": True,
        }
        gateway, made = ApiGateway.objects.update_or_create(api_id=options["api_id"], defaults=values)
        self.stdout.write(f"{'registered' if made else 'changed'} gateway {gateway.api_id}")
