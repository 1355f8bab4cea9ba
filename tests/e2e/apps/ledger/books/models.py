"""What the ledger is about."""

from django.db import models


class Entry(models.Model):
    amount = models.IntegerField()

    def __str__(self):
        return str(self.amount)
