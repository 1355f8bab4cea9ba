"""Makes the base: a small Debian root file system with nothing but the essential packages and a few more.

It comes from the same mirrors this machine's own packages come from.
"""

import os
import platform
from pathlib import Path

from hack.images.catalog import SUITE, Base
from hack.images.command import capture, run
from hack.images.digest import digest_text
from hack.images.layout import OUTPUT, shared_cache

_HOOK = Path("/usr/share/mmdebstrap/hooks/merged-usr")
"""Lays out /usr as Debian does today; without it the package `usrmerge` brings 50 MB of Perl."""
_LEFT_OUT = (
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
    "/usr/share/bug/*",
    "/usr/lib/*/gconv/*",  # character sets of the C library; Python and Redis bring their own
)
_REMOVED = (
    "var/cache/*",
    "var/log/*",
    "var/lib/apt/lists/*",
    "usr/lib/python3.*/test",  # like the next one only after it is installed: its set-up compiles every file
    "usr/lib/python3.*/pydoc_data/topics.py",
)


def key(base: Base) -> str:
    """Return the hash of all that decides the content, apart from Debian's updates."""
    return digest_text([SUITE, platform.machine(), *base.packages, *_LEFT_OUT, *_REMOVED, *base.removed])


def location(base: Base) -> Path:
    """Return where the base's archive is or would be."""
    return shared_cache() / "rootfs" / f"{base.name}-{key(base)}.tar"


def make(base: Base) -> Path:
    """Return the base's archive (tar); makes it where it is missing: about 50 s on two cores."""
    target = location(base)
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.tar")
    command = [
        "mmdebstrap",
        "--variant=essential",
        f"--include={','.join(base.packages)}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT),
        *(f'--customize-hook=rm -rf "$1"/{pattern}' for pattern in (*_REMOVED, *base.removed)),
    ]
    if _HOOK.is_dir():
        command.append(f"--hook-dir={_HOOK}")
    try:
        run(
            [*command, SUITE, str(unfinished), *mirrors(_configured_mirrors())],
            log=OUTPUT / f"base-{base.name}.log",
            private_mounts=True,
        )
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def mirrors(targets: str) -> list[str]:
    """Return apt source lines for the suite out of `targets`, one "URI RELEASE COMPONENT" per line.

    Nothing found (another release, no package lists yet) means that mmdebstrap's own default is used.
    """
    wanted = (SUITE, f"{SUITE}-updates", f"{SUITE}-security")
    lines = []
    for target in sorted(set(targets.splitlines())):
        fields = target.split()
        if len(fields) == 3 and fields[1] in wanted and fields[2] == "main":  # noqa: PLR2004 - as documented
            lines.append(f"deb {' '.join(fields)}")
    return lines if any(f" {SUITE} " in line for line in lines) else []


def _configured_mirrors() -> str:
    form = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    return (
        capture(["apt-get", "indextargets", "--format", form, "Created-By: Packages", "Origin: Debian"]) or ""
    )
