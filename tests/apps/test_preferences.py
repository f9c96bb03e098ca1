"""Settings: recipes kept and taken into use, keys that go nowhere else, models fetched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

pytest.importorskip("streamlit")
from about import size
from adopting import Proposal, begin_rebuild, differences, propose
from api_endpoint import Endpoint, serving
from credentials import check_keys, is_address, is_open, is_variable
from indexing import IndexJob
from jobs import Stopped
from library import Library, adopt
from model_files import ModelJob, begin_model_job, models_of, others_of, registered_of
from recipes import forget_recipe, keep_recipe, kept_recipes, name_of
from settings import VARIABLE, AppSettings, app_settings
from trying import TrialJob, begin_trial
from users import AccessError, User

from rag.errors import GenerationError, ModelError, RagError, RecipeError
from rag.keys import forget_key, has_key, hold_key
from rag.models import registry
from rag.models.registry import Model, ModelFile
from rag.pipeline import Pipeline
from rag.recipe import GeneratorConfig, Recipe, load_recipe, parse_recipe, recipe_names

if TYPE_CHECKING:
    pass

KEY = "sk-typed-into-the-page-0815"
PLAIN = '[embedder]\nbackend = "none"\n[retrieval]\narms = ["sparse"]\n[generator]\nkind = "extractive"\n'
WAIT = 120


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with serving() as state:
        yield state


@pytest.fixture
def held(tmp_path: Path) -> Library:
    """An index of two files, one of them in a folder, under a recipe that needs no model."""
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    (tmp_path / "docs" / "a.txt").write_text("Boilers are inspected every May.")
    (tmp_path / "docs" / "deep" / "b.txt").write_text("Pumps are inspected every June.")
    held = Library(AppSettings(tmp_path / "index"), Pipeline(tmp_path / "index", parse_recipe(PLAIN)))
    held.pipeline.add(tmp_path / "docs")
    return held


def api(base_url: str, **more: object) -> Recipe:
    config = GeneratorConfig(kind="openai", model="m", base_url=base_url, **more)  # type: ignore[arg-type]
    return parse_recipe(PLAIN).model_copy(update={"generator": config})


# recipes that are kept


def test_recipes_are_kept_listed_replaced_and_forgotten(tmp_path):
    folder = tmp_path / "index.recipes"
    assert kept_recipes(folder) == {}
    place = keep_recipe(folder, "my own", "# a remark\n" + PLAIN)
    assert place == folder / "my own.toml" == kept_recipes(folder)["my own"]
    assert place.read_text().startswith("# a remark\n")
    assert name_of(load_recipe(place), folder) == "my own"
    assert name_of(load_recipe("bm25"), folder) == "bm25"
    assert name_of(Recipe(description="another"), folder) == ""
    keep_recipe(folder, "my own", "")
    assert place.read_text() == ""
    assert [path.name for path in folder.iterdir()] == ["my own.toml"]
    forget_recipe(folder, "../index.recipes/my own")
    assert place.exists()
    forget_recipe(folder, "my own")
    assert kept_recipes(folder) == {}


def test_what_is_no_recipe_or_has_no_name_of_its_own_is_not_kept(tmp_path):
    with pytest.raises(RecipeError, match=r"unknown key 'generator\.kid'"):
        keep_recipe(tmp_path / "r", "x", "[generator]\nkid = 1")
    for name in ("", " ", "...", "/", "///", "..\\.."):
        with pytest.raises(RecipeError, match="needs a name"):
            keep_recipe(tmp_path / "r", name, PLAIN)
    for name in recipe_names():
        with pytest.raises(RecipeError, match="ships with Ragstone"):
            keep_recipe(tmp_path / "r", name.upper(), PLAIN)
    assert not (tmp_path / "r").exists()


@given(name=st.text(max_size=120))
def test_whatever_its_name_a_recipe_stays_in_its_folder(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("kept") / "index.recipes"
    try:
        place = keep_recipe(folder, name, PLAIN)
    except RecipeError:
        assert not folder.exists()
        return
    assert place.parent == folder
    assert [place] == list(kept_recipes(folder).values())
    assert [path.name for path in folder.parent.iterdir()] == ["index.recipes"]


# keys


def test_a_key_of_the_server_goes_to_no_other_address_where_users_sign_in(monkeypatch):
    monkeypatch.setenv("SERVER_SECRET", "s3cret")
    alone, shared = AppSettings(Path("index")), AppSettings(Path("index"), users=Path("users.toml"))
    current = api("https://ours.example/v1", api_key_env="SERVER_SECRET")
    other = api("https://theirs.example/v1", api_key_env="SERVER_SECRET")
    check_keys(alone, current, other)
    check_keys(shared, current, current)
    check_keys(shared, current, api("https://theirs.example/v1", api_key_env="NOT_SET"))
    check_keys(shared, current, api("https://theirs.example/v1", api_key_env=""))
    asleep = other.model_copy(update={"generator": other.generator.model_copy(update={"kind": "extractive"})})
    for wanted in (other, asleep):  # what is not in use now could be later
        with pytest.raises(AccessError, match=r"theirs\.example.*SERVER_SECRET") as caught:
            check_keys(shared, current, wanted)
        assert "s3cret" not in str(caught.value)
    hold_key("https://theirs.example/v1", KEY)
    try:  # the key can be forgotten, and then the recipe would have the variable sent there
        with pytest.raises(AccessError, match="name no variable"):
            check_keys(shared, current, other)
    finally:
        forget_key("https://theirs.example/v1")


def test_adopting_asks_whether_keys_may_go_there(held, monkeypatch):
    monkeypatch.setenv("SERVER_SECRET", "s3cret")
    shared = Library(AppSettings(held.settings.index, users=Path("users.toml")), held.pipeline)
    for act in (adopt, propose):
        with pytest.raises(AccessError):
            act(shared, api("https://theirs.example/v1", api_key_env="SERVER_SECRET"))
    assert shared.pipeline is held.pipeline


def test_addresses_and_variables():
    for good in ("https://api.example/v1", "http://127.0.0.1:8080/v1", "http://[::1]:80/v1"):
        assert is_address(good)
    for bad in (
        "",
        "api.example/v1",
        "ftp://a/v1",
        "file:///etc/passwd",
        "https://",
        "https://me:pw@a/v1",
        "http://[x",
    ):
        assert not is_address(bad)
    assert is_variable("OPENAI_API_KEY")
    assert is_variable("")
    assert not is_variable("sk-1234")
    assert not is_variable("A B")
    assert [is_open(url) for url in ("", "https://a/v1", "http://localhost/v1", "http://127.0.0.1/v1")] == [False] * 4
    assert is_open("http://api.example/v1")
    assert is_open("http://10.0.0.1/v1")


def test_sizes_for_people():
    assert [size(n) for n in (0, 999, 1000, 98_362_432, 4_700_000_000)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "98.4 MB",
        "4.7 GB",
    ]
    assert size(999_960) == "1.0 MB"


# a generator, tried


def finished(job):
    assert job.done.wait(WAIT)
    return job


def test_a_trial_tells_what_was_written_and_when_and_takes_the_key_there(endpoint):
    hold_key(endpoint.url, KEY)
    try:
        job = finished(begin_trial(TrialJob("ann"), api(endpoint.url), None, "How long?", "It lasts 22 hours."))
    finally:
        forget_key(endpoint.url)
    assert job.result is not None
    assert job.result.text == "A full battery of the SLM-210 lasts 22 hours."
    assert 0 < job.result.first <= job.result.seconds
    assert endpoint.keys[-1] == f"Bearer {KEY}"


def test_a_trial_that_fails_says_why_without_the_key(endpoint, monkeypatch):
    monkeypatch.setattr(endpoint, "refuses", True)
    hold_key(endpoint.url, KEY)
    before = len(endpoint.keys)
    try:
        job = finished(begin_trial(TrialJob("ann"), api(endpoint.url), None, "How long?", "It lasts 22 hours."))
    finally:
        forget_key(endpoint.url)
    assert isinstance(job.error, GenerationError)
    assert "Incorrect API key provided: Bearer ***" in str(job.error)
    assert KEY not in str(job.error) + repr(job.error.__dict__)
    assert len(endpoint.keys) == before + 1  # asked once
    dead = finished(begin_trial(TrialJob("ann"), api("http://127.0.0.1:9/v1", api_key_env=""), None, "x", "y"))
    assert "connection failed" in str(dead.error)
    missing = finished(begin_trial(TrialJob("ann"), api(endpoint.url, api_key_env="NO_SUCH_KEY"), None, "x", "y"))
    assert "NO_SUCH_KEY is not set" in str(missing.error)


PART = """
import streamlit as st
from generator_settings import generator_settings
from visitor import Visitor
from users import User
from words import saying
held = st.session_state["held"]
generator_settings(held, Visitor(User(), "browser x", saying("en"), "en"))
"""


def remembered(app) -> str:
    """All that the session holds, as text: values of widgets too, whatever they are called."""
    from streamlit.runtime.state import SessionState

    inner = app.session_state
    while not isinstance(inner, SessionState):
        inner = object.__getattribute__(inner, "_state")
    parts = (inner._new_session_state, inner._old_state, inner._new_widget_state.states)
    return repr([list(part.items()) for part in parts])


@pytest.fixture
def served(held: Library, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """The index as that of an app that `rag app` has started; of one browser, where AppTest makes up some."""
    monkeypatch.setattr("visitor._browser", lambda: "x")
    monkeypatch.setenv(VARIABLE, TypeAdapter(AppSettings).dump_json(held.settings).decode())
    app_settings.cache_clear()
    yield held
    app_settings.cache_clear()


def test_a_key_that_is_typed_leaves_the_session_at_once(served, endpoint):
    from streamlit.testing.v1 import AppTest

    adopt(served, api(endpoint.url, api_key_env=""))
    app = AppTest.from_string(PART, default_timeout=60)
    app.session_state["held"] = served
    app.run()
    assert not app.exception
    try:
        app.text_input(key="api key").input(KEY)
        app.button(key="FormSubmitter:key-Hold the key").click().run()
        assert not app.exception
        assert has_key(endpoint.url)
        assert KEY not in remembered(app)
        assert any("is held" in caption.value for caption in app.caption)
        assert served.pipeline.generator.count_tokens([]) > 0
        app.button(key="forget key").click().run()
        assert not has_key(endpoint.url)
        app.text_input(key="api key").input("sk-in two parts")
        app.button(key="FormSubmitter:key-Hold the key").click().run()
        assert "this is no API key" in app.error[0].value.replace("\\", "")
        assert "sk-in" not in remembered(app)
    finally:
        forget_key(endpoint.url)
        served.pipeline.close()
    assert KEY not in repr(os.environ)


PAGE = """
import streamlit as st
from preferences import settings_page
from visitor import Visitor
from words import saying
settings_page(st.session_state["held"], Visitor(st.session_state["user"], "browser x", saying("en"), "en"))
"""


@pytest.mark.parametrize(
    ("user", "whole"),
    [(User(), True), (User("ann", manages=False), False), (User("bob", where="tenant = 'acme'"), False)],
)
def test_only_who_manages_the_whole_index_sees_more_than_the_language_and_the_version(held, user, whole):
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_string(PAGE, default_timeout=60)
    app.session_state["held"], app.session_state["user"] = held, user
    app.run()
    assert not app.exception
    assert app.selectbox[0].label == "Language"
    assert bool(app.tabs) == whole
    assert len(app.button) == (2 if whole else 0)  # one to check each model
    if not whole:
        assert [text.value for text in app.text] == ["Version: Ragstone 0.1.0", "Licence: Apache-2.0"]


# another recipe


def test_what_changes_is_told_by_key():
    wanted = parse_recipe(PLAIN.replace("[retrieval]", "[retrieval]\nk = 9"))
    assert differences(wanted, parse_recipe(PLAIN)) == [("retrieval.k", "6", "9")]
    assert differences(wanted, wanted) == []
    assert ("description", '""', '"x"') in differences(wanted.model_copy(update={"description": "x"}), wanted)


@pytest.mark.parametrize(
    "broken",
    [
        {"generator": GeneratorConfig(model="/no/such.gguf")},
        {"generator": GeneratorConfig(kind="openai", model="m", api_key_env="NO_SUCH_KEY")},
    ],
)
def test_a_recipe_that_cannot_be_loaded_leaves_the_old_one_in_use(held, broken):
    before, recipe = held.pipeline, held.pipeline.recipe.model_copy(update=broken)
    for act in (adopt, propose):
        with pytest.raises(RagError):
            act(held, recipe)
    assert held.pipeline is before
    assert held.pipeline.ask("When are boilers inspected?").text == "Boilers are inspected every May."
    assert Pipeline(held.settings.index).recipe == before.recipe


def test_a_recipe_that_cuts_otherwise_is_used_at_once_and_the_files_are_cut_again(held, tmp_path):
    (tmp_path / "docs" / "a.txt").write_text("Boilers are inspected every May. Valves are inspected every day. " * 20)
    held.pipeline.add(tmp_path / "docs")
    before = len(held.pipeline.snapshot)
    wanted = parse_recipe(f'{PLAIN}[chunker]\nkind = "sentences"\nmax_tokens = 24\n')
    proposal = propose(held, wanted)
    assert (proposal.embeds, proposal.cuts) == (False, True)
    job = finished(begin_rebuild(held, proposal, IndexJob("ann")))
    assert job.error is None
    assert held.pipeline.recipe == wanted
    assert len(held.pipeline.snapshot) > before
    shown = {str(one.metadata["path"]) for one in held.pipeline.snapshot.documents()}
    assert shown == {"a.txt", "deep/b.txt"}  # as they were when their folder was added


@pytest.mark.models
def test_another_embedder_takes_over_when_all_is_embedded_and_not_before(held):
    wanted = parse_recipe('[generator]\nkind = "extractive"')
    proposal = propose(held, wanted)
    assert proposal.embeds
    with pytest.raises(RagError, match="built with no embedder"):
        adopt(held, wanted)
    before = held.pipeline
    stopping = IndexJob("ann")
    stopping.stop.set()
    assert isinstance(finished(begin_rebuild(held, proposal, stopping)).error, Stopped)
    assert held.pipeline is before
    assert held.pipeline.search("boilers")
    assert finished(begin_rebuild(held, proposal, IndexJob("ann"))).error is None
    assert held.pipeline.recipe == wanted
    assert held.pipeline.info().settings.dim == 384
    assert held.pipeline.search("heating vessels")[0].chunk.text == "Boilers are inspected every May."
    assert Pipeline(held.settings.index).recipe == wanted
    held.pipeline.close()


def test_an_index_whose_recipe_lacks_its_models_can_be_built_anew_by_another(held, tiny):
    lacking = Library(held.settings, Pipeline(held.settings.index, "default"))
    with pytest.raises(RagError):
        _ = lacking.pipeline.snapshot
    assert finished(begin_rebuild(lacking, propose(lacking, parse_recipe(PLAIN)), IndexJob("ann"))).error is None
    assert [one.title for one in lacking.pipeline.snapshot.documents()] == ["a", "b"]


def test_an_index_is_not_built_anew_where_the_recipe_would_leave_out_what_it_holds(held, tmp_path):
    wanted = parse_recipe(f'{PLAIN}[sources]\ninclude = ["deep/*.txt"]\n')
    before = Pipeline(held.settings.index).recipe
    with pytest.raises(RecipeError, match="2 of 2 files"):
        begin_rebuild(held, Proposal(wanted, embeds=True, cuts=False), IndexJob("ann"))
    assert Pipeline(held.settings.index).recipe == before
    assert held.pipeline.info().documents == 2


def test_a_proposal_for_an_index_without_documents_asks_for_nothing(tmp_path):
    held = Library(AppSettings(tmp_path / "index"), Pipeline(tmp_path / "index", parse_recipe(PLAIN)))
    proposal = propose(held, parse_recipe(f"{PLAIN}[chunker]\nmax_tokens = 99\n"))
    assert (proposal.embeds, proposal.cuts) == (False, False)
    adopt(held, proposal.recipe)
    assert held.pipeline.recipe.chunker.max_tokens == 99


# models


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registered model that nobody can be asked for; its folder in the cache."""
    monkeypatch.setenv("RAGSTONE_MODELS", str(tmp_path / "models"))
    sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"  # of b"test"
    model = Model("Tiny", "generator", "MIT", (ModelFile("m.gguf", 4, sha256),), (registry.HubSource("a/b", "0" * 40),))
    monkeypatch.setattr(registry, "MODELS", (model,))
    return tmp_path / "models" / "Tiny"


def test_without_its_models_the_app_still_opens_and_knows_whether_there_are_documents(held, tiny):
    assert not held.empty
    lacking = Library(held.settings, Pipeline(held.settings.index, "default"))
    with pytest.raises(RagError):
        _ = lacking.pipeline.snapshot
    assert not lacking.empty
    nothing = tiny.parent.parent / "nothing"
    assert Library(AppSettings(nothing), Pipeline(nothing, "default")).empty


def test_fetching_a_model_that_cannot_be_had_names_the_sources(tiny):
    job = finished(begin_model_job(ModelJob("ann", model="Tiny", kind="pull")))
    assert isinstance(job.error, ModelError)
    assert "a/b@000000000000: not asked, because HF_HUB_OFFLINE is set" in str(job.error)
    assert not tiny.exists()


def test_checking_a_model_reads_every_byte(tiny):
    tiny.mkdir(parents=True)
    (tiny / "m.gguf").write_bytes(b"test")
    job = finished(begin_model_job(ModelJob("ann", model="Tiny", kind="check")))
    assert job.error is None
    assert job.progress is not None
    assert (job.progress.source, job.progress.done, job.progress.total) == ("", 4, 4)
    (tiny / "m.gguf").write_bytes(b"tesu")
    job = finished(begin_model_job(ModelJob("ann", model="Tiny", kind="check")))
    assert "m.gguf has SHA-256" in str(job.error)


def test_which_models_a_recipe_reads():
    assert registered_of(Recipe()) == {"all-MiniLM-L6-v2", "SmolLM2-135M-Instruct-Q4_1"}
    assert models_of(api("https://a/v1")) == {}
    own = Recipe(generator=GeneratorConfig(model="/no/such.gguf"))
    assert others_of(own) == {"generator.model": ("/no/such.gguf", False)}
