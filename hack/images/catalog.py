"""The images of this repository, as data: what each is called and made from."""

from dataclasses import dataclass

SUITE = "bookworm"
SUITE_PYTHON = "3.11.2"
"""Python of Debian 12. Wheels are resolved for it, not for the interpreter that runs this program:
some dependencies differ between patch releases (async-timeout is needed below 3.11.3)."""
SUITE_LIBC = "manylinux_2_36"
PUBLIC_PYTHON = "3.13"
"""Python of the Containerfiles' public default base."""


@dataclass(frozen=True, kw_only=True)
class Base:
    """A Debian root file system: the essential packages and `packages`."""

    name: str
    packages: tuple[str, ...]
    removed: tuple[str, ...] = ()
    """Shell patterns, relative to the root, of what the packages bring and the image does without."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image. Paths are relative to the checkout, which is also the build's context."""

    name: str
    tag: str
    base: str
    containerfile: str
    sources: tuple[str, ...] = ()
    """Files and folders the Containerfile copies."""
    requirements: str | None = None
    """Hashed requirements that are unpacked to the folder `site` below `layout.SITES` first."""
    site: str | None = None
    arguments: tuple[tuple[str, str], ...] = ()
    """Build arguments besides BASE_IMAGE."""


BASES = {
    base.name: base
    for base in (
        Base(name="python", packages=("python3",)),
        Base(name="redis", packages=("redis-server",)),
        Base(
            name="postgres",
            packages=("postgresql-15",),
            removed=(
                "var/lib/postgresql/15",  # the data folder that is made when the package is installed
                "usr/lib/postgresql/15/lib/llvmjit*",  # compiled queries; with its library 110 MB
                "usr/lib/postgresql/15/lib/bitcode",
                "usr/lib/*/libLLVM-14.so*",
            ),
        ),
        Base(name="pgbouncer", packages=("pgbouncer",)),
    )
}


def _counter(version: str) -> Image:
    return Image(
        name=f"counter-{version}",
        tag=f"localhost/djust-counter:{version}",
        base="python",
        containerfile="examples/djust-counter/Containerfile",
        sources=("examples/djust-counter/counter", "examples/djust-counter/manage.py"),
        requirements="requirements/example-djust.txt",
        site="djust-counter",
        arguments=(("APP_VERSION", version),),
    )


def _example(name: str, version: str, *packages: str) -> Image:
    """An example application whose folder, tag and requirements are named alike; `packages` are its own code."""
    return Image(
        name=f"{name}-{version}",
        tag=f"localhost/{name}:{version}",
        base="python",
        containerfile=f"examples/{name}/Containerfile",
        sources=(*(f"examples/{name}/{package}" for package in packages), f"examples/{name}/manage.py"),
        requirements=f"requirements/example-{name}.txt",
        site=name,
        arguments=(("APP_VERSION", version),),
    )


def _ledger(version: str) -> Image:
    """The application of the end-to-end tests that misbehaves when told to."""
    return Image(
        name=f"ledger-{version}",
        tag=f"localhost/e2e-ledger:{version}",
        base="python",
        containerfile="tests/e2e/apps/ledger/Containerfile",
        sources=("tests/e2e/apps/ledger",),
        requirements="requirements/e2e-ledger.txt",
        site="ledger",
        arguments=(("APP_VERSION", version),),
    )


IMAGES = {
    image.name: image
    for image in (
        Image(
            name="base",
            tag="localhost/realtimeapp-base:dev",
            base="python",
            containerfile="hack/images/base.Containerfile",
        ),
        Image(
            name="redis",
            tag="localhost/realtimeapp-redis:dev",
            base="redis",
            containerfile="hack/images/redis.Containerfile",
        ),
        Image(
            name="postgres",
            tag="localhost/realtimeapp-postgres:dev",
            base="postgres",
            containerfile="hack/images/postgres.Containerfile",
            sources=("hack/images/postgres-start.sh",),
        ),
        Image(
            name="pgbouncer",
            tag="localhost/realtimeapp-pgbouncer:dev",
            base="pgbouncer",
            containerfile="hack/images/pgbouncer.Containerfile",
            sources=("hack/images/pgbouncer-start.sh",),
        ),
        Image(
            name="operator",
            tag="localhost/realtimeapp-operator:dev",
            base="python",
            containerfile="operator/Containerfile",
            sources=("operator/realtimeapp_operator", "operator/realtimeapp_runtime"),
            requirements="requirements/operator.txt",
            site="operator",
        ),
        _counter("1"),
        _counter("2"),
        _example("channels-chat", "1", "chat"),
        _example("channels-chat", "2", "chat"),
        _example("realtime-chat", "1", "messenger"),
        _example("realtime-chat", "2", "messenger"),
        _example("aws-websockets", "1", "notices", "board"),
        _example("aws-websockets", "2", "notices", "board"),
        _example("django-shop", "1", "shop", "orders"),
        _example("django-shop", "2", "shop", "orders"),
        Image(
            name="servers",
            tag="localhost/e2e-servers:1",
            base="python",
            containerfile="tests/e2e/apps/servers/Containerfile",
            sources=("tests/e2e/apps/servers/echo",),
            requirements="requirements/e2e-servers.txt",
            site="servers",
        ),
        _ledger("1"),
        _ledger("2"),
    )
}
