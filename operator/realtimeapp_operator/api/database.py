"""The database of a RealtimeApp: where it is, and what stands before it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from realtimeapp_operator.api.base import Model, SecretKeyRef


class Database(Model):
    """The application's database."""

    url_secret_ref: SecretKeyRef = Field(description="DATABASE_URL.")
    direct_url_secret_ref: SecretKeyRef | None = Field(
        default=None,
        description="DATABASE_URL past the pooler, for migrations; default: the same as `urlSecretRef`.",
    )
    pooling: Literal["None", "TransactionPooler"] = Field(
        default="None",
        description="`TransactionPooler`: `urlSecretRef` leads to a pooler that gives a connection for one transaction, "
        "such as PgBouncer in transaction mode; server-side cursors and connections that outlive a request are off.",
    )
