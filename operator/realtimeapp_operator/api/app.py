"""RealtimeApp itself: what a user writes, parsed.

The models hold what was written plus the static defaults of the schema. Defaults that depend on the framework or on
other fields are in `defaults`; rules between fields in `rules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field
from pydantic.alias_generators import to_camel

from realtimeapp_operator import names
from realtimeapp_operator.api.base import (
    Host,
    Image,
    Model,
    ObjectName,
    PythonModule,
    PythonObject,
    SecretKeyRef,
    Unique,
)
from realtimeapp_operator.api.database import Database
from realtimeapp_operator.api.edge import Ingress, NetworkPolicy, TrustedProxies
from realtimeapp_operator.api.frameworks import Framework
from realtimeapp_operator.api.jobs import Checks, Cleanup, Migrations, Static
from realtimeapp_operator.api.pods import EnvFrom, EnvVar, PodTemplate
from realtimeapp_operator.api.redis import ChannelLayer, Redis, Session
from realtimeapp_operator.api.web import Web
from realtimeapp_operator.api.workers import Worker


class PullSecret(Model):
    """Name of a Secret with registry credentials."""

    name: ObjectName = Field(description="Name of the Secret.")


class Django(Model):
    """The Django project in the image."""

    settings_module: PythonModule = Field(description="Settings module, for example `shop.settings`.")
    asgi_application: PythonObject | None = Field(
        default=None,
        description="ASGI application as `module:attribute`; default: the settings' ASGI_APPLICATION. "
        "For every server but Gunicorn.",
    )
    wsgi_application: PythonObject | None = Field(
        default=None,
        description="WSGI application as `module:attribute`, for Gunicorn; default: the settings' WSGI_APPLICATION.",
    )
    secret_key_secret_ref: SecretKeyRef | None = Field(
        default=None, description="Django's SECRET_KEY; default: generated once and kept."
    )
    allowed_hosts: Annotated[tuple[Host, ...], Field(max_length=32), Unique()] = Field(
        default=(), description="ALLOWED_HOSTS, exact names; default: the hosts of the ingress."
    )
    overlay: Literal["Enabled", "Disabled"] = Field(
        default="Enabled",
        description="`Disabled` leaves Django's settings alone: only environment variables are given.",
    )


class Spec(Model):
    """What a RealtimeApp declares."""

    image: Image = Field(description="Image of the application; a digest is best.")
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        default="IfNotPresent", description="When the image is pulled."
    )
    image_pull_secrets: Annotated[tuple[PullSecret, ...], Field(max_length=8), Unique(("name",))] = Field(
        default=(), description="Registry credentials."
    )
    framework: Framework = Field(description="Kind of application; chooses the defaults.")
    suspend: bool = Field(
        default=False,
        description="Scale web and workers to 0 through the paced drain and suspend the CronJobs; Redis stays.",
    )
    restarted_at: AwareDatetime | None = Field(
        default=None, description="A new value migrates again and rolls web and workers; Redis stays."
    )
    django: Django = Field(description="The Django project in the image.")
    database: Database | None = Field(default=None, description="The application's database.")
    env: Annotated[tuple[EnvVar, ...], Field(max_length=128), Unique(("name",))] = Field(
        default=(), description="Environment variables; reserved names are refused."
    )
    env_from: Annotated[tuple[EnvFrom, ...], Field(max_length=16)] = Field(
        default=(), description="ConfigMaps and Secrets as environment variables."
    )
    pod_template: PodTemplate = Field(
        default_factory=PodTemplate, description="Deviations for every pod of the image."
    )
    web: Web = Field(default_factory=Web, description="The pods that serve HTTP and WebSockets.")
    workers: Annotated[tuple[Worker, ...], Field(max_length=16), Unique(("name",))] = Field(
        default=(), description="Background workers."
    )
    redis: Redis = Field(default_factory=Redis, description="Where state, cache and channel layer live.")
    channel_layer: ChannelLayer = Field(
        default_factory=ChannelLayer, description="How messages travel between processes."
    )
    session: Session = Field(default_factory=Session, description="Sessions and the state tied to them.")
    trusted_proxies: TrustedProxies | None = Field(
        default=None,
        description="Whose word about the client's address is taken; default: one hop behind Traefik, else nobody's.",
    )
    ingress: Ingress | None = Field(
        default=None, description="The way in; without it only the Service exists."
    )
    migrations: Migrations = Field(default_factory=Migrations, description="Database migrations.")
    checks: Checks = Field(default_factory=Checks, description="Django's checks before a rollout.")
    static: Static = Field(default_factory=Static, description="Static files.")
    cleanup: Annotated[tuple[Cleanup, ...], Field(max_length=16), Unique(("name",))] | None = Field(
        default=None,
        description="Scheduled management commands; default: `clearsessions` daily and what the framework leaves behind; "
        "`[]` for none.",
    )
    network_policy: NetworkPolicy = Field(default_factory=NetworkPolicy, description="Network isolation.")


class Metadata(Model):
    """The part of ObjectMeta the operator reads; everything else is ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)

    name: Annotated[str, Field(max_length=253)]
    namespace: str = "default"
    uid: str = ""
    generation: int = 0
    resource_version: str = ""


class RealtimeApp(Model):
    """A realtime Django application."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    api_version: Literal["realtimeapp.dev/v1alpha1"] = names.API_VERSION
    kind: Literal["RealtimeApp"] = names.KIND
    metadata: Metadata
    spec: Spec
    status: Mapping[str, Any] = Field(default_factory=dict)
