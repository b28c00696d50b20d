"""`data get`: public data sets, fetched once and checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurosym.cli import output
from neurosym.cli.session import ANSWERED, Session, command

if TYPE_CHECKING:
    from neurosym.datasets import DataSet


def get_command(
    session: Session,
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Data sets; `data list` names them.")],
) -> int:
    """Fetch data sets into the data folder, each file checked by its SHA-256; what is there is kept."""
    from neurosym.datasets import folder_of
    from neurosym.datasets.sets import named

    for data in [named(name) for name in names]:
        session.tell(f"{data.name}: {data.about}. Licence: {data.licence}")
        written = _fetch(data, folder_of(), session.settings.quiet)
        output.show(f"{folder_of() / data.name}: {written} files fetched, {len(data.files) - written} kept")
    return ANSWERED


def _fetch(data: DataSet, folder: Path, quiet: bool) -> int:
    """Fetch what is missing; gives how many files were written. The bar counts downloads."""
    from neurosym.datasets import fetch

    with output.progress(f"fetching {data.name}", len({f.url for f in data.files}), quiet) as step:

        def told(_: str, done: int, total: int | None) -> None:
            if done == total:
                step()

        return len(fetch(data, folder, told))


def list_command(session: Session) -> int:
    """The data sets that can be fetched, with their sizes and licences."""
    from neurosym.datasets import data_sets, folder_of

    for data in data_sets().values():
        there = all((folder_of() / f.path).is_file() for f in data.files)
        output.show(
            f"{data.name}: {data.about} ({data.size / 1e6:.1f} MB; {data.licence})" + (" – is there" if there else "")
        )
    session.tell(f"data folder: {folder_of()}")
    return ANSWERED


data = typer.Typer(name="data", no_args_is_help=True, help="Public data sets.", rich_markup_mode=None)
data.command("get")(command(get_command, patient=True))
data.command("list")(command(list_command))
