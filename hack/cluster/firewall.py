"""Takes the cluster's rules out of iptables, and nobody else's.

`kube-proxy --cleanup` knows its own rules only, takes a second, and needs the binary; the port mapper of CNI leaves
its chains behind whenever a pod is killed instead of stopped.
"""

import shlex
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field

from hack.cluster.layout import NETWORK

FAMILIES = ("iptables", "ip6tables")
KUBERNETES_PREFIX = "KUBE-"
HOST_PORTS = "CNI-HOSTPORT-DNAT"
HOST_PORT_CHAINS = (HOST_PORTS, "CNI-HOSTPORT-SETMARK", "CNI-HOSTPORT-MASQ")
"""Shared by every CNI network of the machine: removed only once no network uses them."""


@dataclass
class Table:
    """A table of iptables-save: chain names and `-A` lines."""

    name: str
    chains: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)


def parse_tables(saved: str) -> list[Table]:
    """Read the output of iptables-save."""
    tables: list[Table] = []
    for line in saved.splitlines():
        if line.startswith("*"):
            tables.append(Table(line[1:].strip()))
        elif line.startswith(":") and tables:
            tables[-1].chains.append(line[1:].split()[0])
        elif line.startswith("-A ") and tables:
            tables[-1].rules.append(line)
    return tables


def build_removal(saved: str) -> str:
    """Return the input of `iptables-restore --noflush` that removes our rules; empty when there are none."""
    return "".join(_remove_from(table) for table in parse_tables(saved))


def _remove_from(table: Table) -> str:
    ours = {chain for chain in table.chains if chain.startswith(KUBERNETES_PREFIX)}
    mapped = [rule for rule in table.rules if _chain(rule) == HOST_PORTS and f'"{NETWORK}"' in _comment(rule)]
    ours |= {target for rule in mapped if (target := _target(rule)) is not None}
    foreign = [rule for rule in table.rules if _chain(rule) == HOST_PORTS and rule not in mapped]
    if mapped and not foreign:
        ours |= {chain for chain in table.chains if chain in HOST_PORT_CHAINS}
    jumps = [rule for rule in table.rules if _chain(rule) not in ours and _target(rule) in ours]
    if not ours and not jumps:
        return ""
    chains = sorted(ours & set(table.chains))
    lines = [
        f"*{table.name}",
        *(f"-D {rule.removeprefix('-A ')}" for rule in jumps),
        *(f"-F {chain}" for chain in chains),
        *(f"-X {chain}" for chain in chains),
        "COMMIT",
    ]
    return "\n".join(lines) + "\n"


def _chain(rule: str) -> str:
    return rule.split(maxsplit=2)[1]


def _target(rule: str) -> str | None:
    return _option(rule, ("-j", "-g"))


def _comment(rule: str) -> str:
    return _option(rule, ("--comment",)) or ""


def _option(rule: str, names: Iterable[str]) -> str | None:
    words = shlex.split(rule)
    return next((words[i + 1] for i, word in enumerate(words[:-1]) if word in names), None)


def remove_rules() -> None:
    """Remove the cluster's rules and chains from both address families."""
    for family in FAMILIES:
        try:
            saved = subprocess.run([f"{family}-save"], capture_output=True, text=True, check=False)
        except FileNotFoundError:  # never installed: nothing to remove
            continue
        if removal := build_removal(saved.stdout):
            subprocess.run(
                [f"{family}-restore", "--noflush", "--wait"],
                input=removal,
                capture_output=True,
                text=True,
                check=True,
            )
