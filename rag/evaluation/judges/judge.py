"""Yes/no questions to a language model: each comes back as a Score, whatever the model does.

A 135M model need not write anything that could be read wrongly: where the generator is a Chooser, the probabilities
of "Yes" and "No" are compared and no text is made at all. Of any other Generator the first word is read, strictly.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from typing import TypeVar

from rag.errors import ChoiceError, ContextError, EvaluationError, GenerationTimeoutError, RagError
from rag.evaluation.scores import Score
from rag.generators.choosing import REPLY_TOKENS, read_choice
from rag.generators.prompts import fill
from rag.protocols import Chooser, Generator
from rag.text import detect_language, sentences
from rag.types import Message

YES_NO = ("Yes", "No")

T = TypeVar("T")


class Judge:
    """Asks a Generator yes/no questions; safe to share between threads.

    A score's value is the probability of "Yes" given that the reply is "Yes" or "No"; of a Generator that is no
    Chooser it is 1 or 0. A Chooser's own temperature does not matter; give any other generator 0.

    A call that takes longer than ``timeout`` is left behind in its thread, which cannot be killed, and scores
    "timeout"; what it answers later is dropped. A local model that hangs in native code goes on using its CPU until
    the process ends. After ``patience`` time-outs in a row nothing more is asked, and every score is "timeout": a
    judge that never answers costs an evaluation ``timeout * patience`` seconds, whatever the number of questions.
    """

    def __init__(self, generator: Generator, *, timeout: float = 120.0, patience: int = 3) -> None:
        """Use ``generator``; ``timeout`` is in seconds for reading one prompt, the generator's retries included.

        Raises EvaluationError for a timeout of no seconds or a patience below 1.
        """
        if not timeout > 0:
            raise EvaluationError(f"timeout is {timeout}", where="judge", hint="wait longer than 0 seconds")
        if patience < 1:
            raise EvaluationError(f"patience is {patience}", where="judge", hint="allow at least one time-out")
        self._generator = generator
        self._timeout = timeout
        self._patience = patience
        self._late = 0
        self._lock = threading.Lock()

    def ask(self, template: str, values: Mapping[str, str]) -> Score:
        """The answer to a question: ``template`` with each ``{slot}`` filled, in one pass.

        The score is "timeout" where no answer came in time, "parse_error" where the reply was neither yes nor no,
        "failed" where the generator failed; ``detail`` says why.
        """
        return self._score(lambda: Score(self._yes(template, values)))

    def ask_of_any(self, template: str, values: Mapping[str, str], *, slot: str, texts: Sequence[str]) -> Score:
        """The highest answer over ``texts``, each put into ``slot``; 0 where there are none.

        A text that does not fit the model's context is judged in parts, cut between sentences, and ``detail`` says
        so: nothing is left out.
        """

        def work() -> Score:
            parts = [part for text in texts for part in self._fitting(template, values, slot, text)]
            best = max((self._yes(template, {**values, slot: part}) for part in parts), default=0.0)
            cut = len(parts) > len(texts)
            return Score(best, detail=f"too long for the judge's context: read in {len(parts)} parts" if cut else "")

        return self._score(work)

    def _score(self, work: Callable[[], Score]) -> Score:
        if self._late >= self._patience:
            return Score.missing("timeout", f"not asked: {self._late} questions in a row before it timed out")
        try:
            score = work()
        except GenerationTimeoutError as error:
            with self._lock:
                self._late += 1
            return Score.missing("timeout", str(error))
        except ChoiceError as error:
            score = Score.missing("parse_error", str(error))
        except RagError as error:
            score = Score.missing("failed", str(error))
        self._late = 0
        return score

    def _yes(self, template: str, values: Mapping[str, str]) -> float:
        messages = _messages(template, values)
        chooser = self._generator if isinstance(self._generator, Chooser) else None
        if chooser is not None:
            return self._in_time(lambda _: chooser.choose(messages, YES_NO)[0])

        def read(abandoned: threading.Event) -> str:
            reply = ""
            for piece in self._generator.generate(messages, max_tokens=REPLY_TOKENS):
                if abandoned.is_set():
                    break
                reply += piece
            return reply

        return float(read_choice(self._in_time(read), YES_NO) == 0)

    def _fitting(self, template: str, values: Mapping[str, str], slot: str, text: str) -> list[str]:
        """The text, or else its parts that fit: halved at the sentence or blank nearest to the middle, again and again.

        Raises ContextError where the question does not fit even without the text.
        """
        room = self._generator.context_size - REPLY_TOKENS
        messages = _messages(template, {**values, slot: text})
        size = self._in_time(lambda _: self._generator.count_tokens(messages))
        if size <= room:
            return [text]
        if len(text) < 2:
            raise ContextError(
                f"the question needs {size} tokens beside the text; the judge's context leaves {room}",
                hint="name a judge with a larger context",
            )
        middle = _middle(text)
        halves = (text[:middle].strip(), text[middle:].strip())
        return [part for half in halves if half for part in self._fitting(template, values, slot, half)]

    def _in_time(self, work: Callable[[threading.Event], T]) -> T:
        """What ``work`` returns or raises, or GenerationTimeoutError; work learns by the event that nobody waits."""
        abandoned = threading.Event()
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(work(abandoned))
            except BaseException as error:  # noqa: BLE001 - raised again by the one who waits
                future.set_exception(error)

        # not a pool's thread: the interpreter would wait for it at its end
        threading.Thread(target=run, name="judge", daemon=True).start()
        done, _ = wait((future,), timeout=self._timeout)
        if not done:
            abandoned.set()
            raise GenerationTimeoutError(f"the judge gave no answer within {self._timeout:g} s")
        return future.result()


def _messages(template: str, values: Mapping[str, str]) -> tuple[Message, ...]:
    return (Message("user", fill(template, values)),)


def _middle(text: str) -> int:
    """Where to cut: at the start of a sentence, else behind a blank, else anywhere, as near to the middle as can be."""
    half = len(text) // 2
    starts = [start for start, _ in sentences(text, detect_language(text))[1:]]
    starts = starts or [blank.end() for blank in re.finditer(r"\s+", text) if blank.end() < len(text)] or [half]
    return min(starts, key=lambda start: abs(start - half))
