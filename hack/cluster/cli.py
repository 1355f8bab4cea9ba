"""The command line: `python -m hack.cluster up|down|status|load|add|remove|bin|kubeconfig`."""

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from hack.cluster import addon, binaries, images, machine, record, teardown, up
from hack.cluster.api import Api
from hack.cluster.components import PING_PORTS
from hack.cluster.errors import ClusterError
from hack.cluster.layout import NODE, PROFILES, Profile, State, default_state
from hack.cluster.report import Clock, say

FAILED = 1
INTERRUPTED = 130
DEFAULT_TOOLS = ("kubectl", "helm")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="python -m hack.cluster",
        description="A real single-node Kubernetes on this machine, for trying the operator out and for its tests.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--profile",
        choices=sorted(PROFILES),
        default=NODE.name,
        help="node: everything, needs root (default). control-plane: etcd, API server and controllers on loopback.",
    )
    shared.add_argument(
        "--state", type=Path, metavar="DIR", help="state folder (default: .cache/cluster/PROFILE)"
    )

    def add(name: str, text: str, *, own: bool = True) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[shared] if own else [])

    start = add("up", "Start the cluster and wait until it is ready; does nothing when it already is.")
    start.add_argument(
        "--edges",
        type=int,
        choices=range(1, len(PING_PORTS) + 1),
        default=1,
        help="replicas of the ingress controller, which share its ports (1)",
    )
    down = add("down", "Stop the cluster and remove every trace of it.")
    down.add_argument("--keep-state", action="store_true", help="keep what the next `up` can continue with")
    add("status", "Say which components run; exits with 1 when one does not.")
    add("kubeconfig", "Print the path of the kubeconfig.")
    load = add("load", "Import image archives into the node, as far as it does not have them.")
    load.add_argument("tars", nargs="+", type=Path, metavar="TAR")
    for command, text in (
        ("add", "Build and start add-ons in the running node cluster; they stay until removed or `down`."),
        ("remove", "Take add-ons out of the running node cluster."),
    ):
        addons = add(command, text)
        addons.add_argument(
            "addons",
            nargs="+",
            metavar="ADDON",
            choices=sorted(addon.ADDONS),
            help=", ".join(sorted(addon.ADDONS)),
        )
    tools = add("bin", "Build programs that are missing, and print their folders for PATH.", own=False)
    tools.add_argument(
        "tools",
        nargs="*",
        metavar="PROGRAM",
        default=list(DEFAULT_TOOLS),
        help=f"any of {', '.join(sorted(binaries.TOOLS))} (default: {' '.join(DEFAULT_TOOLS)})",
    )
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run a command; a person's mistake is a sentence on standard error and 1."""
    options = build_parser().parse_args(arguments)
    try:
        return _run(options)
    except ClusterError as error:
        say(str(error))
        return FAILED
    except KeyboardInterrupt:
        say("Interrupted.")
        return INTERRUPTED


def _run(options: argparse.Namespace) -> int:
    if options.command == "bin":
        folders = dict.fromkeys(str(path.parent) for path in binaries.build(options.tools).values())
        print(os.pathsep.join(folders))
        return 0
    profile = PROFILES[options.profile]
    state = State(options.state.absolute()) if options.state else default_state(profile)
    match options.command:
        case "up":
            up.bring_up(profile, state, edges=options.edges)
        case "down":
            _take_down(profile, state, keep_state=options.keep_state)
        case "status":
            return _report_status(profile, state)
        case "load":
            done = images.load(options.tars, state=state.root)
            say(f"Imported {len(done)} of {len(options.tars)}; the others were there.")
        case "add" | "remove":
            _change_addons(
                profile, state, options.addons, change=addon.add if options.command == "add" else addon.remove
            )
        case "kubeconfig":
            if not state.kubeconfig.exists():
                raise ClusterError(
                    f"There is no {state.kubeconfig}; run `hack.cluster up --profile {profile.name}`."
                )
            print(state.kubeconfig)
    return 0


def _change_addons(
    profile: Profile, state: State, names: Sequence[str], *, change: Callable[[str, State], None]
) -> None:
    if profile is not NODE:
        raise ClusterError(f"Add-ons run as pods, and the {profile.name} cluster runs none.")
    for name in names:
        change(name, state)


def _take_down(profile: Profile, state: State, *, keep_state: bool) -> None:
    machine.require_suitable(profile, state)
    if str(state.root) not in teardown.remains(profile):
        teardown.require_own_folder(state)
    clock = Clock()
    with record.locked(profile):
        for other in sorted(teardown.remains(profile) - {str(state.root)}):
            say(f"The cluster that runs has its state in {other}; that one is removed.")
        teardown.tear_down(profile, state, keep_state=keep_state)
    clock.step(f"the {profile.name} cluster is gone" + (", its state is kept" if keep_state else ""))


def _report_status(profile: Profile, state: State) -> int:
    known = record.read(profile)
    if known is None:
        print(f"The {profile.name} cluster is not up.")
        return FAILED
    if known.state != str(state.root):
        print(f"A {profile.name} cluster runs with its state in {known.state}, not in {state.root}.")
        return FAILED
    for component in known.components:
        print(f"{component.name:26} {'running' if component.alive else 'DEAD':8} pid {component.pid}")
    dead = [component.name for component in known.components if not component.alive]
    if dead:
        print(f"{', '.join(dead)}: see {state.logs}. `up` starts the cluster anew.")
    ready = not dead and known.ready and Api(profile, state).is_ready()
    print(f"The {profile.name} cluster is {'ready' if ready else 'not ready'}. KUBECONFIG={state.kubeconfig}")
    return 0 if ready else FAILED
