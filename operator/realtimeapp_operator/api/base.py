"""The model base and the bounded building blocks of the RealtimeApp schema.

Every string has a maximum length and, where a grammar exists, a pattern; every number has both bounds; every list a
maximum. The API server enforces them through the generated CRD and the offline check through pydantic: one source.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """Immutable model with camelCase names on the wire; unknown fields are refused."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
    )


DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
PYTHON_MODULE = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"

Label = Annotated[str, StringConstraints(pattern=DNS_LABEL, min_length=1, max_length=63)]
PartName = Annotated[str, StringConstraints(pattern=DNS_LABEL, min_length=1, max_length=20)]
ObjectName = Annotated[str, StringConstraints(pattern=DNS_SUBDOMAIN, min_length=1, max_length=253)]
Host = Annotated[str, StringConstraints(pattern=DNS_SUBDOMAIN, min_length=1, max_length=253)]
SecretKey = Annotated[str, StringConstraints(pattern=r"^[-._a-zA-Z0-9]+$", min_length=1, max_length=253)]
Image = Annotated[
    str,
    StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._/:@-]*$", min_length=1, max_length=512),
]
PythonModule = Annotated[str, StringConstraints(pattern=PYTHON_MODULE, max_length=255)]
PythonObject = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_.]*$",
        max_length=255,
    ),
]
UrlPath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._~/-]*$", min_length=1, max_length=256)]
Quantity = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$", max_length=32),
]
Argument = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=1024)]
CommandName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]*$", max_length=64)]
EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)]
LabelKey = Annotated[
    str,
    StringConstraints(
        pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
        max_length=317,
    ),
]
LabelValue = Annotated[
    str,
    StringConstraints(pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$", max_length=63),
]
Cron = Annotated[
    str,
    StringConstraints(
        pattern=r"^(@(yearly|monthly|weekly|daily|hourly)|([0-9A-Za-z*/,-]+ ){4}[0-9A-Za-z*/,-]+)$",
        max_length=100,
    ),
]
TimeZone = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_+/-]*$", max_length=64)]
Cidr = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-fA-F:.]+/[0-9]{1,3}$", max_length=43),
]
Labels = Annotated[dict[LabelKey, LabelValue], Field(max_length=32)]


class SecretKeyRef(Model):
    """One key of a Secret in the application's namespace."""

    name: ObjectName = Field(description="Name of the Secret, in the namespace of the RealtimeApp.")
    key: SecretKey = Field(description="Key inside the Secret.")
