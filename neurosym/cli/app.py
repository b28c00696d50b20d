"""The commands, put together."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Annotated

import typer

from neurosym.cli.advise import advise_command
from neurosym.cli.audit import audit_command
from neurosym.cli.fetching import data
from neurosym.cli.files import check_command, fmt_command
from neurosym.cli.grounding import ground_command
from neurosym.cli.lfi import lfi_command
from neurosym.cli.links import learn_rules_command
from neurosym.cli.models import predict_command, report_command
from neurosym.cli.queries import explain_command, query_command
from neurosym.cli.session import command
from neurosym.cli.tasks import run_command
from neurosym.cli.testing import test_command
from neurosym.cli.train.command import train_command
from neurosym.cli.verification import verify_command
from neurosym.cli.worlds import mpe_command, sample_command

# Help and messages are plain text: they must survive a pipe, and an atom such as `p[X]` is no markup.
app = typer.Typer(
    name="neurosym",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("check")(command(check_command))
app.command("fmt")(command(fmt_command))
app.command("test")(command(test_command))
app.command("query")(command(query_command))
app.command("mpe")(command(mpe_command))
app.command("sample")(command(sample_command))
app.command("explain")(command(explain_command))
app.command("verify")(command(verify_command))
app.command("ground")(command(ground_command))
app.command("advise")(command(advise_command))
# Everything after TASK is the task's own, `--help` included.
app.command("run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})(
    command(run_command, patient=True)
)
app.command("lfi")(command(lfi_command, patient=True))
app.command("train")(command(train_command, patient=True))
app.command("predict")(command(predict_command))
app.command("report")(command(report_command))
app.command("audit")(command(audit_command))
app.command("learn-rules")(command(learn_rules_command, patient=True))
app.add_typer(data)


def _version(asked: bool) -> None:
    if asked:
        from neurosym import __version__

        typer.echo(f"neurosym {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Rules, knowledge graphs and neural networks, trained together and explained.

    Exit status: 0 answered, 1 the rules or facts are faulty, 2 wrong usage, 3 a limit was hit.
    """


def main(args: Sequence[str] | None = None) -> int:
    """Run a command; gives its exit status.

    Args:
        args: the words after `neurosym`; those of the process by default.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows few characters gets escapes in place of an error.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(args=None if args is None else list(args), prog_name="neurosym")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    except KeyboardInterrupt:  # before a command was at work, which says where it was
        return 130
    return 0
