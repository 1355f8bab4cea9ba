from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Fails the way a database driver does, with the address in its message."

    def handle(self, *_args, **_options):
        message = "cannot reach postgres://shop:hunter2@db.example.com/shop"
        raise RuntimeError(message)
