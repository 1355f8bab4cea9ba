"""The one entry point of every container: prepares the interpreter and runs what the operator asked for.

    launch.py run MODULE [ARG...]       run a module as `python -m` does: uvicorn, daphne, celery, a module of the image
    launch.py manage COMMAND [ARG...]   run a Django management command without system checks
    launch.py check                     run Django's deployment checks and the runtime's own, and report their ids
    launch.py alive --within SECONDS    tell whether a Celery worker or beat is alive
    launch.py exec ARGV...              replace this process by a program of the image
    launch.py drain                     move every connection of this pod away, then return (preStop)
    launch.py install DEST              copy this package to DEST (init container)

It changes neither the image's working directory nor its PYTHONPATH, only adds to them. A failure a person can mend ends in one
line of JSON in the termination message and exit code 78; a management command that fails, with such a line and 1.
"""

from __future__ import annotations

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib would import with the wrong path
_PARENT = os.path.dirname(_HERE)  # noqa: PTH120
# Started as a script, Python puts this folder first, where settings.py and the like would hide the image's own modules.
sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != _HERE]  # noqa: PTH100
if _PARENT not in sys.path:
    sys.path.append(_PARENT)

if __name__ == "__main__":
    # The kubelet runs this probe every few seconds in every Celery pod: it must not pay for what the other verbs import.
    from realtimeapp_runtime.heartbeat import probe_quickly

    _answer = probe_quickly(sys.argv[1:])
    if _answer is not None:
        sys.exit(_answer)

import argparse  # noqa: E402 - the path comes first
import runpy  # noqa: E402
import shutil  # noqa: E402
import signal  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import TYPE_CHECKING, Final, NoReturn  # noqa: E402

from realtimeapp_runtime import failure, heartbeat, paths  # noqa: E402
from realtimeapp_runtime.failure import StartupFailure  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

TERMINATED: Final = 128 + signal.SIGTERM


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; return its exit code."""
    options = build_parser().parse_args(arguments)
    try:
        code: int = options.handle(options)
    except StartupFailure as error:
        failure.exit_with(error)
    return code


def build_parser() -> argparse.ArgumentParser:
    """Return the command line of the launcher."""
    parser = argparse.ArgumentParser(
        prog="launch.py", description="Starts what runs in a RealtimeApp container."
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    run = verbs.add_parser("run", help="run a Python module with the environment prepared")
    run.add_argument("module", help="as for `python -m`: uvicorn, daphne, celery, shop.consumer")
    run.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARG")
    run.set_defaults(handle=run_module)

    manage = verbs.add_parser("manage", help="run a Django management command without system checks")
    manage.add_argument(
        "--direct-database",
        action="store_true",
        help="reach the database around its pooler, where there is a way",
    )
    manage.add_argument("command", help="migrate, clearsessions, runworker, ...")
    manage.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARG")
    manage.set_defaults(handle=run_management_command)

    execute = verbs.add_parser("exec", help="replace the launcher by a program of the image, as it is")
    execute.add_argument("program", help="found on PATH")
    execute.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARG")
    execute.set_defaults(handle=execute_program)

    check = verbs.add_parser("check", help="run Django's deployment checks and the runtime's own")
    check.add_argument(
        "--fail-level",
        choices=("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG"),
        default="ERROR",
        help="the lowest level of a finding that fails (%(default)s)",
    )
    check.set_defaults(handle=check_application)

    alive = verbs.add_parser("alive", help="tell by its heartbeat whether a Celery worker or beat is alive")
    alive.add_argument("--within", type=float, required=True, metavar="SECONDS")
    alive.set_defaults(handle=probe_worker)

    drain = verbs.add_parser(
        "drain", help="move every connection of this pod away and wait until it is empty"
    )
    drain.set_defaults(handle=drain_pod)

    install = verbs.add_parser("install", help="copy the runtime package to a directory")
    install.add_argument("destination", type=Path, metavar="DEST")
    install.set_defaults(handle=install_package)
    return parser


def run_module(options: argparse.Namespace) -> int:
    """Run a module as `__main__` in this process; its exit code is ours."""
    module: str = options.module
    if module == "celery" and not heartbeat.PROGRAMS.isdisjoint(options.arguments):
        heartbeat.forget()  # first of all: until then a restarted container looks as alive as the one before it
    _prepare_paths()
    # imported here: `drain` must not load more than it needs
    from realtimeapp_runtime import (  # noqa: PLC0415
        celery_program,
        open_files,
        preload,
        run_state,
        servers,
        user_settings,
    )

    serves = module in servers.MODULES
    signal.signal(signal.SIGTERM, _stop_server if serves else _stop)
    if not serves:
        user_settings.require_packages({module.split(".", maxsplit=1)[0]: f"`run {module}`"})
    config = preload.load_config()
    if serves:
        failure.note_main_process()
        servers.require_packages(config.server.name, module=module)
        run_state.clear(paths.run_dir())
        open_files.raise_limit(config)
    if module == "celery":
        celery_program.prepare(options.arguments)
    settings = preload.load_settings()
    if module == "celery":
        celery_program.keep_log_format(settings)
    sys.argv = [module, *options.arguments]
    try:
        code = _run_as_main(module)
    except BaseException:
        # gunicorn's supervisor may raise its HaltServer, which is no Exception, once more while it already stops for a worker
        if not _is_reported(serves=serves):
            raise
        code = failure.EXIT_CODE
    # a forked worker comes by here too, with the code its supervisor must see
    return failure.EXIT_CODE if _is_reported(serves=serves) else code


def _is_reported(*, serves: bool) -> bool:
    """Tell whether this is a server's own process, and a worker of it has said why it cannot start."""
    return serves and not failure.is_worker() and failure.was_reported()


def run_management_command(options: argparse.Namespace) -> int:
    """Run a Django management command in this process."""
    _prepare_paths()
    signal.signal(signal.SIGTERM, _stop)
    from realtimeapp_runtime import credentials, management, preload  # noqa: PLC0415 - as above

    if options.direct_database:
        os.environ[credentials.DIRECT_VARIABLE] = "1"
    preload.load_config()
    sys.argv = ["manage.py", options.command, *options.arguments]
    management.run_command(options.command, options.arguments)
    return 0


def execute_program(options: argparse.Namespace) -> NoReturn:
    """Replace this process. The program gets no secret in its environment: Python code finds them in the settings."""
    _prepare_paths()
    argv = [options.program, *options.arguments]
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - an argument list from the manifest, no shell
    except OSError as error:
        raise StartupFailure(
            failure.COMMAND_FAILED, f"The command {argv[0]!r} cannot be run in this image: {error.strerror}."
        ) from error


def check_application(options: argparse.Namespace) -> int:
    """Run every check of the application; report the findings and return 1 when one of them fails."""
    _prepare_paths()
    signal.signal(signal.SIGTERM, _stop)
    from realtimeapp_runtime import check_command  # noqa: PLC0415 - as above

    return check_command.run(options.fail_level)


def probe_worker(options: argparse.Namespace) -> int:
    """Answer as the short cut at the top of this file does, for any other spelling of the arguments."""
    return heartbeat.probe(options.within)


def drain_pod(_options: argparse.Namespace) -> int:
    """Start the drain, wait for its end, and say in one line how it went."""
    from realtimeapp_runtime import config, drain_command  # noqa: PLC0415 - as above

    summary = drain_command.drain(config.read(paths.config_file()).drain, paths.run_dir())
    sys.stderr.write(f"{summary}\n")
    return 0


def install_package(options: argparse.Namespace) -> int:
    """Copy this package below DEST, replacing an older copy as a whole."""
    target: Path = options.destination / "realtimeapp_runtime"
    staging: Path = options.destination / ".realtimeapp_runtime"
    shutil.rmtree(staging, ignore_errors=True)
    shutil.copytree(
        _HERE, staging, ignore=shutil.ignore_patterns("__pycache__"), copy_function=shutil.copyfile
    )
    shutil.rmtree(target, ignore_errors=True)
    staging.rename(target)
    return 0


def _prepare_paths() -> None:
    """Make the working directory and this package importable here and in child processes, after what is already there."""
    directory = str(Path.cwd())
    if directory not in sys.path:
        sys.path.insert(0, directory)
    entries = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    entries += [entry for entry in (directory, _PARENT) if entry not in entries]
    os.environ["PYTHONPATH"] = os.pathsep.join(entries)


def _run_as_main(module: str) -> int:
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return stop.code or 0
        sys.stderr.write(f"{stop.code}\n")
        return 1
    return 0


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    """End on SIGTERM: the kernel ignores it for process 1 of a container unless a handler is set."""
    raise SystemExit(TERMINATED)


def _stop_server(_signal: int, _frame: FrameType | None) -> NoReturn:
    """End with 0: uvicorn raises the signal again after a clean stop, which is the ordinary end of a web pod."""
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
