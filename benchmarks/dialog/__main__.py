"""The benchmarks of the dialog: ``python -m benchmarks.dialog NAME``."""

import typer

from benchmarks.dialog import answers, cache, retrieval

app = typer.Typer(no_args_is_help=True)
app.command("retrieval")(retrieval.main)
app.command("answers")(answers.main)
app.command("cache")(cache.main)


@app.callback()
def dialog() -> None:
    """Measure a part of the dialog."""


if __name__ == "__main__":
    app()
