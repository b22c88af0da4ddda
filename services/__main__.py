"""The ``kizashi`` command. Exit codes: 0 done, 1 failed, 2 asked for something that will not be done."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from kizashi.errors import KizashiError, Refused
from services.roof.catalogue import Catalogue

if TYPE_CHECKING:
    from kizashi.settings import Settings  # pydantic costs half of --help

app = typer.Typer(
    name="kizashi",
    cls=Catalogue,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from kizashi import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def kizashi(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Streaming operations intelligence: what is odd, where it is heading, what caused it and whom it hits.

    Start with:  kizashi up
    """
    ctx.obj = _settings  # services' own commands take the settings from here


def _settings() -> Settings:
    """Settings for commands that live in a service: ``ctx.obj()``, since services do not import the roof."""
    from services import wiring

    return wiring.load()


def main() -> None:
    """Entry point; errors of our own are sentences, not tracebacks."""
    try:
        app()
    except Refused as error:
        _say(error)
        sys.exit(2)
    except KizashiError as error:
        _say(error)
        sys.exit(1)


def _say(error: Exception) -> None:
    from services.roof.output import err

    err.print(str(error), style="red", markup=False)


if __name__ == "__main__":
    main()
