"""Running one Django management command the way a Job needs it: no system checks, and a sentence when it fails.

System checks are left out because packages register errors that have nothing to do with the command (djust refuses to migrate for
a host list); the operator reports them elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from realtimeapp_runtime import failure, preload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def run_command(name: str, arguments: list[str]) -> None:
    """Run management command `name`; raise StartupFailure(CommandFailed) with its last line when it raises."""
    preload.load_settings()
    preload.setup_django()
    try:
        if name in OWN_COMMANDS:
            OWN_COMMANDS[name](arguments)
        else:
            from django.core.management import call_command  # noqa: PLC0415 - may be absent from the image

            call_command(name, *arguments)  # leaves the checks out unless told otherwise
    except failure.StartupFailure:
        raise
    except Exception as error:
        raise failure.StartupFailure(
            failure.COMMAND_FAILED,
            f"The management command {name} failed: {failure.describe(error)}",
            exit_code=failure.COMMAND_EXIT_CODE,
        ) from error


def _clear_chat_sessions(arguments: list[str]) -> None:
    from realtimeapp_runtime import chat_sessions  # noqa: PLC0415 - only for its one command

    chat_sessions.main(arguments)


OWN_COMMANDS: Final[Mapping[str, Callable[[list[str]], None]]] = {"clearchatsessions": _clear_chat_sessions}
"""Commands the runtime adds to those of the installed applications."""
