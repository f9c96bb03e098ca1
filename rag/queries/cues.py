"""The words by which a question leans on what was said before, by language. Data, and no rules."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cues:
    """How one language refers back.

    Attributes:
        person: Pronouns for a person, which a name takes the place of.
        thing: Pronouns for a thing or for several, which a name or a noun takes the place of.
        owner: Possessive ones among both.
        other: Words that point back and that nothing takes the place of ("that", "there", "then", "else").
        opening: What a question opens with that goes on from another ("and", "what about").
        who: Questions whose answer is a person.
        entity: Questions whose answer is the thing that is spoken of next ("who", "which").
        fillers: Words beside the stop words that say nothing about the subject.
    """

    person: re.Pattern[str]
    thing: re.Pattern[str]
    owner: re.Pattern[str]
    other: re.Pattern[str]
    opening: re.Pattern[str]
    who: re.Pattern[str]
    entity: re.Pattern[str]
    fillers: frozenset[str]


def _spaced(
    *, person: str, thing: str, owner: str, other: str, opening: str, who: str, entity: str, fillers: str
) -> Cues:
    """Cues of a language that sets blanks between words; each a pattern for whole words."""

    def whole(words: str) -> re.Pattern[str]:
        return re.compile(rf"(?<![\w'’-])(?:{words})(?!\w)", re.IGNORECASE)

    opens = re.compile(rf"^\W*(?:{opening})(?!\w)", re.IGNORECASE)
    return Cues(
        whole(person),
        whole(thing),
        whole(owner),
        whole(other),
        opens,
        whole(who),
        whole(entity),
        frozenset(fillers.split()),
    )


def _spaceless(
    *, person: str, thing: str, owner: str, other: str, opening: str, who: str, entity: str, fillers: str
) -> Cues:
    """Cues of a language that sets none."""
    opens = re.compile(rf"^\W*(?:{opening})")
    inside = re.compile
    return Cues(
        inside(person),
        inside(thing),
        inside(owner),
        inside(other),
        opens,
        inside(who),
        inside(entity),
        frozenset(fillers.split()),
    )


CUES = {
    "en": _spaced(
        person="he|him|his|she|her|hers",
        thing="it|its|they|them|their|theirs",
        owner="his|her|its|their",
        other="this|that|these|those|there|then|such|the same|ones?|others?|else|again|instead|so|afterwards|later|"
        "before|the (?:first|second|last|latter|former)",
        opening="and|but|or|so|what about|how about|why|why not|by whom|what else|any",
        who="who|whom",
        entity="who|whom|which|where|what (?:is|was|were|are|country|city|king|queen|club|person|company)",
        fillers="""who whom whose what which when where why how many much long old far often kind sort one ones
            first next happen happened happens else still then get got go gone went come came do did done call
            called say said tell told new later earlier afterwards instead again yes no yet only really anyone
            someone somebody example examples instance other others let please mean part never ever little left
            several various certain ago""",
    ),
    "de": _spaced(
        person="er|ihn|ihm|sie|ihr",
        thing="es",
        owner="sein(?:e[rsnm]?)?|ihr(?:e[rsnm]?)?|dessen|deren",
        other="das|diese[rsnm]?|jene[rsnm]?|dort|da(?:mals|bei|mit|von|für|nach|zu|ran|rin|rauf|gegen|rüber)?|dann|dorthin|"
        "sonst|noch|de[nm]en",
        opening="und|aber|oder|was ist mit|wie ist es mit|wie steht es mit|warum|wieso|weshalb",
        who="wer|wen|wem",
        entity="wer|wen|wem|welche[rsnm]?|wo|was (?:ist|war|sind|waren)",
        fillers="""wer wen wem was welche welcher welches wann wo warum wieso weshalb wie viel viele lange hoch
            alt ja nein bitte eigentlich genau dann dort damals gibt gab heißt beispiel""",
    ),
    "fr": _spaced(
        person="il|lui|elle",
        thing="ils|elles|eux|leur",
        owner="son|sa|ses|leurs?",
        other="cela|ça|ceci|ce|ceux|celui|celles?|là|y|en|alors|ensuite|ailleurs|autres?",
        opening="et|mais|ou|pourquoi|qu['’]en est-il|quid",
        who="qui",
        entity="qui|quel(?:le)?s?|où|lequel|laquelle",
        fillers="""qui que quoi quel quelle quels quelles quand où pourquoi comment combien est-ce oui non donc
            alors fait faire exemple appelle""",
    ),
    "es": _spaced(
        person="él|ella",
        thing="ellos|ellas|les",
        owner="sus?",
        other="esto|eso|aquello|est[eao]s?|es[ao]s?|allí|ahí|entonces|luego|otr[oa]s?",
        opening="y|pero|o|por qué|qué hay de|qué pasa con",
        who="quién(?:es)?",
        entity="quién(?:es)?|cuál(?:es)?|qué|dónde",
        fillers="""quién quiénes qué cuál cuáles cuándo dónde cómo cuánto cuánta cuántos cuántas por sí no
            entonces hace hizo ejemplo llama""",
    ),
    "zh": _spaceless(
        person="他们|她们|他(?!们)|她",
        thing="它们|它|其(?![他它中实次])",
        owner="(?!)",
        other="这|那(?:个|些|座|种|件|位|条|家|项|场|里|儿|时)|当时|此后|之后|后来|其[他它]|呢[？?。]*$",
        opening="那么?|而且|还有|另外|为什么|为何",
        who="谁",
        entity="谁|哪(?:个|位|座|家|国|一|里|条|种|些)|什么(?:人|国家|城市|地方)",
        fillers="""的 了 在 是 有 和 与 及 或 也 都 就 又 很 被 把 从 到 对 向 于 为 以 之 而 但 但是 并 并且 那
            那么 这 它 他 她 它们 他们 她们 其 呢 吗 吧 啊 什么 什么时候 谁 哪 哪个 哪里 哪儿 哪些 何时 何地
            如何 怎么 怎样 为什么 为何 多少 几 个 位 年 月 日 那个 这个 那里 这里 当时 那时 后来 之后 之前 请问
            是否 会 能 可以 没有 不 不是 还 还有 另外 上 下 中 里 时 时候 一 一个""",
    ),
    "ja": _spaceless(
        person="彼ら|彼女|彼",
        thing="それら|それ|これら|これ|あれ",
        owner="(?!)",
        other="その|この|そこ|そちら|当時|は[？?。]*$",
        opening="では|じゃあ|それで|そして|なぜ|どうして|また",
        who="誰|だれ",
        entity="誰|だれ|どの|どこ|何という",
        fillers="""の に は を が で と も へ や か から まで より です ます でした ました し た て い る れ さ
            なっ なる ある いる する した しました しま でしょう それ これ あれ その この そこ ここ 彼 彼女 誰
            何 いつ どこ どの なぜ どう どうして いくら いくつ はい いいえ では そして また 年 月 日 こと もの
            ため よう とき 時""",
    ),
}
_NEVER = re.compile(r"(?!)")
NONE = Cues(_NEVER, _NEVER, _NEVER, _NEVER, _NEVER, _NEVER, _NEVER, frozenset())


def cues_for(language: str) -> Cues:
    """The cues of a language; none for one that is not listed."""
    return CUES.get(language, NONE)
