"""The words that can name a topic: as they are read, where the index has stems and bigrams."""

from __future__ import annotations

import re
from functools import lru_cache

from rag.text import is_stop_word, stem, words

# Function words of two and more characters, as ICU's dictionary cuts them; those of one are dropped for being one.
_CHINESE = """
    中的 上的 下的 里的 内的 不会 不仅 不但 不再 不同 不得 不是 不能 不过 与其 为了 之一 之前 之后 之间 也是 于是
    什么 仍然 他们 以上 以下 以及 以来 任何 但是 作为 你们 使得 例如 假如 像是 允许 具有 其中 其他 其它 其实 其次
    再次 分别 别的 到了 即使 却是 又是 只是 只有 只能 另一 另外 可以 可能 各个 各种 同时 同样 后来 否则 各自 哪些
    因此 因为 因而 在于 她们 如何 如果 如此 它们 对于 将会 尽管 属于 已经 并且 并不 开始 当时 很多 必须 怎么 怎样
    总是 成为 我们 或者 所以 所有 所谓 按照 接着 无论 既然 时候 是否 最后 有些 有人 有的 有时 本身 来说 某些 根据
    此外 每个 每当 比如 没有 现在 由于 甚至 由此 的话 目前 直到 看到 相关 确实 称为 第一 第二 等等 继续 经过 结果
    而且 而是 自己 自身 至于 至少 若是 虽然 被称 认为 许多 起来 超过 越来 越来越 还是 还有 这个 这些 这是 这样 这种
    这里 进行 进入 通过 通常 造成 那个 那些 那么 那样 那里 都是 除了 需要 非常 首先 一个 一些 一定 一样 一次 一直
    一种 一般 一起 三个 两个 几个 多个 多数 大多 大多数 大约 当中 得到 包括 使用 导致 之内 之外 以外 以前 以后 根本
    正在 十分 尤其 特别 往往 仅仅 及其 就是 而言 关于"""
_FUNCTION = frozenset(_CHINESE.split())
_HIRAGANA = re.compile("[\u3041-\u3096\u309d\u309e\u30fc]+")  # alone: particles and endings


def topic_words(text: str, language: str) -> list[tuple[str, str]]:
    """The words of a text that could name it, in order: a stem, which is counted, and the word in lower case.

    Left out are stop words, numbers, and words of one character. There is no list of stop words for Korean, Thai, Lao,
    Khmer and Burmese.
    """
    found = (_telling(text[start:end], language) for start, end in words(text))
    return [one for one in found if one is not None]


@lru_cache(maxsize=1 << 17)
def _telling(word: str, language: str) -> tuple[str, str] | None:
    form = word.lower()
    if len(form) < 2 or not any(map(str.isalpha, form)) or form in _FUNCTION or _HIRAGANA.fullmatch(form):
        return None
    return None if is_stop_word(form, language) else (stem(form, language), form)
