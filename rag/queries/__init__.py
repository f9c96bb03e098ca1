"""A question -> what to search for: other words, a hypothetical answer, a general question, parts; and where to."""

from rag.queries.decompose import Decompose
from rag.queries.hyde import Hyde
from rag.queries.intent import Intent, IntentRouter, Wanted, arithmetic
from rag.queries.multi_query import MultiQuery
from rag.queries.prompts import Example, QueryPrompt, load_prompts, shipped_prompts
from rag.queries.routing import Choice, Route, Router
from rag.queries.standalone import ModelRewriter, RuleRewriter
from rag.queries.step_back import StepBack

__all__ = [
    "Choice",
    "Decompose",
    "Example",
    "Hyde",
    "Intent",
    "IntentRouter",
    "ModelRewriter",
    "MultiQuery",
    "QueryPrompt",
    "Route",
    "Router",
    "RuleRewriter",
    "StepBack",
    "Wanted",
    "arithmetic",
    "load_prompts",
    "shipped_prompts",
]
