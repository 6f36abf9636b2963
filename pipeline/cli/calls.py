"""``voicepipe calls``: what is kept of calls, and how to be rid of it."""

import json
from typing import Annotated

import typer

from pipeline.cli.kept import Id, Since, facts, instant, kept, key_file, since_instant
from pipeline.cli.screen import AsJson, Config, Profile, complain, opened, told
from pipeline.store import keys, statements

app = typer.Typer(help="What is kept of calls, redacted: list, show, export and delete it.", no_args_is_help=True)


@app.command("list")
def list_calls(
    *,
    since: Since = "",
    limit: Annotated[int, typer.Option(min=1, help="Most calls.")] = 50,
    profile: Profile = "",
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List calls, the latest first."""
    with told(), kept(profile, config) as records:
        calls = records.calls(since=since_instant(since), most=limit)
    if as_json:
        typer.echo(json.dumps([facts(call) for call in calls], ensure_ascii=False, indent=2))
        return
    for call in calls:
        reason = call.reason or "no end"
        typer.echo(f"{instant(call.began)}  {call.agent}  {reason}  {call.turns} turns  {call.conversation}")
    if not calls:
        typer.echo("no calls")


@app.command()
def show(
    conversation: Id,
    *,
    restore: Annotated[bool, typer.Option("--restore", help="With what pseudonyms stand for; needs the key.")] = False,
    profile: Profile = "",
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show the calls that had an id, the latest first."""
    with told(), kept(profile, config, restore=restore) as records:
        calls = [records.whole(call) for call in records.calls(conversation=conversation)]
    if as_json:
        typer.echo(json.dumps(calls, ensure_ascii=False, indent=2))
    for call in () if as_json else calls:
        typer.echo(f"{call['began']}  {call['agent']}  {call['reason'] or 'no end'}  {call['seconds']} s")
        for turn in call["turns"]:
            typer.echo(f"  {turn['turn']}. caller: {turn['question']}\n     answer: {turn['answer']}")
            typer.echo(f"     heard: {turn['heard']}  ({turn['status'] or 'no end'}, {turn['model']})")
        for one in call["feedback"]:
            place = "call" if one["turn"] is None else f"turn {one['turn']}"
            words = " / ".join(text for text in (one["correction"], one["comment"]) if text)
            typer.echo(f"  feedback on {place}: {one['rating']} {words}")
    if not calls:
        complain(f"there is no call {conversation}")
        raise typer.Exit(1)


@app.command()
def export(*, since: Since = "", profile: Profile = "", config: Config = None, as_json: AsJson = False) -> None:
    """Print calls with their turns and feedback, the latest first: a JSON object a line, or one JSON list."""
    with told(), kept(profile, config) as records:
        calls = map(records.whole, records.calls(since=since_instant(since)))
        if as_json:
            typer.echo(json.dumps(list(calls), ensure_ascii=False, indent=2))
            return
        for call in calls:
            typer.echo(json.dumps(call, ensure_ascii=False))


@app.command()
def key(*, profile: Profile = "", config: Config = None) -> None:
    """Make the key of pseudonyms, in the file that ``records.key`` names; one that is there stays."""
    with told():
        path = key_file(opened(profile, config)[0])
        keys.make(path)
    typer.echo(f"made: {path}. Keep a copy, and not beside the records: no other key gives the same names.")


@app.command()
def delete(conversation: Id, *, profile: Profile = "", config: Config = None) -> None:
    """Delete all that is kept of the calls that had an id; nothing of it is left in the file."""
    with told(), kept(profile, config) as records:
        open_ones = [call for call in records.calls(conversation=conversation) if call.ended is None]
        deleted = records.file.run(lambda connection: statements.forget(connection, conversation))
        alone = records.file.tidy()
    if not deleted:
        complain(f"there is no call {conversation}")
        raise typer.Exit(1)
    typer.echo(f"deleted: {deleted}")
    if open_ones:
        complain(
            "a call had no end yet: if it still goes on, what is said from now on is kept",
            fix=f"voicepipe calls delete {conversation}, once it is over",
        )
    if not alone:
        complain(
            "the service is writing: the log beside the file may hold traces until it has been emptied",
            fix="delete the call again, or wait for records.sweep",
        )
