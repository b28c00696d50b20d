"""`data get`: public data sets, fetched once and checked."""

from __future__ import annotations

from typing import Annotated

import typer

from neurosym.cli import output
from neurosym.cli.session import ANSWERED, Session, command


def get_command(
    session: Session,
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Data sets; `data list` names them.")],
) -> int:
    """Fetch data sets into the data folder, each file checked by its SHA-256; what is there is kept."""
    from neurosym.datasets import fetch, folder_of
    from neurosym.datasets.sets import named

    wanted = [named(name) for name in names]
    for data in wanted:
        session.tell(f"{data.name}: {data.about}. Licence: {data.licence}")
        with output.progress(f"fetching {data.name}", len(data.files), session.settings.quiet) as step:
            seen: set[str] = set()

            def told(name: str, done: int, total: int | None, seen: set[str] = seen, step=step) -> None:
                if total is not None and done >= total and name not in seen:
                    seen.add(name)
                    step()

            written = fetch(data, folder_of(), told)
        output.show(f"{folder_of() / data.name}: {len(written)} files fetched, {len(data.files) - len(written)} kept")
    return ANSWERED


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
