"""``voicepipe``: the command line. The one place, with ``serve``, that reads the environment."""

import typer

from pipeline.cli import call, calls, check, demo, feedback, knowledge, models, ollama, sanitize, serve, token

app = typer.Typer(
    help="Answers calls: hears a turn, transcribes it, asks a model and speaks the answer.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.command("serve")(serve.serve)
app.command("call")(call.call)
app.command("check")(check.check)
app.command("demo")(demo.demo)
app.command("sanitize")(sanitize.sanitize)
app.command("token")(token.token)
app.add_typer(models.app, name="models")
app.add_typer(knowledge.app, name="knowledge")
app.add_typer(ollama.app, name="ollama")
app.add_typer(calls.app, name="calls")
app.add_typer(feedback.app, name="feedback")


def main() -> None:
    """Run the command line."""
    app()
