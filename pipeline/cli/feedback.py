"""``voicepipe feedback``: what people thought of answers, as material to train and judge models by."""

import json

import typer

from pipeline.cli.kept import Since, facts, kept, since_instant
from pipeline.cli.screen import Config, Profile, told

app = typer.Typer(help="What people thought of answers.", no_args_is_help=True)


@app.command()
def export(*, since: Since = "", profile: Profile = "", config: Config = None) -> None:
    """Print the turns that somebody rated or corrected, a JSON object a line; only of calls with training consent."""
    with told(), kept(profile, config) as records:
        for call in records.calls(since=since_instant(since)):
            if not call.consent:
                continue
            turns = {turn["turn"]: turn for turn in records.turns(call)}
            for one in records.feedback(call):
                if one["turn"] in turns:
                    about = {name: facts(call)[name] for name in ("conversation", "agent", "tenant", "channel")}
                    typer.echo(json.dumps({**about, **turns[one["turn"]], **one}, ensure_ascii=False))
