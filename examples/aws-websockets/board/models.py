"""What is pinned to the board."""

from django.conf import settings
from django.db import models


class Notice(models.Model):
    """One notice."""

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    text = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """The newest first."""

        ordering = ("-pk",)

    def __str__(self) -> str:
        """Say what it says."""
        return self.text
