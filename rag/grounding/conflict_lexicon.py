"""Words that the search for conflicting documents knows: data, by language."""

from __future__ import annotations

# Words that say nothing of what a sentence is about, and may stand on one side alone.
LIGHT = {
    "en": """
last run take amount total period duration time term stand valid apply current currently standard official
officially usual usually normal normally regular now set offer provide include give get receive available number
approximately roughly exactly exact least most whole date purchase buy bought document company customer our we you
your user always counting calculated estimated reported recorded must require need shall should may can could known
make made please note come away equal grant originally also still then overall city town
""",
    "de": """
dauert dauern beträgt betragen läuft gilt gelten liegt insgesamt zeit dauer zeitraum frist standard aktuell
aktuelle derzeit offiziell offizielle regulär üblich normal normale etwa ungefähr genau kauf kaufdatum datum ab
kunde kunden firma unternehmen unser unsere wir sie ihr ihre muss müssen soll sollen kann können darf verfügbar
gewährt gewähren bietet bieten angeboten erhalten bekommen hat haben wird werden wurde wurden bekannt zählt anzahl
zahl gesamt stellt steht rund bis seit vom zum rechnerisch schätzungsweise laut stadt
""",
}
# Of Chinese, characters.
LIGHT_CJK = frozenset(
    "的为是在于了由有可以能会达约共其该本这之自从起算期限时间长量总计数止即将需须应当均都也就来说仅要个多少大概"
    "左右目前现在当我们公司您客户用提供享受持续正式标准通常一般购买"
)
# The first word of each group stands for all of them.
SAME = {
    "en": """
found establish create form foundation; open inaugurate opening; release publish launch issue unveil; locate
situate base headquarter; cost price charge fee; employ staff worker employee work; inhabitant population people
resident live person; close shut closing; begin start commence; end finish expire; weigh weight heavy; deliver ship
shipping delivery shipment; cover include contain; warranty guarantee; allow permit; forbid prohibit ban; build
construct erect; high height tall; long length; wide width; deep depth; capacity hold seat; fast speed; deadline
due; holiday vacation leave; return refund
""",
    "de": """
gegründet gründung gründete entstand; eröffnet eröffnung; veröffentlicht erschien erscheinen erschienen; kostet
preis kosten gebühr; mitarbeiter beschäftigte angestellte beschäftigt arbeiten; einwohner bevölkerung menschen
leben; beginnt startet beginn anfang; endet ende; wiegt gewicht schwer; geliefert lieferung lieferzeit versand;
abgedeckt enthalten umfasst erfasst; garantie garantiezeit garantiefrist garantiedauer gewährleistung; erlaubt
gestattet zulässig; verboten untersagt; erbaut gebaut errichtet; urlaub urlaubstage; hoch höhe; lang länge; breit
breite; tief tiefe
""",
}
# What opposes what, where that is all in which two sentences differ.
OPPOSITE = {
    "en": """
allowed forbidden; permitted prohibited; allowed prohibited; permitted forbidden; allowed banned; required
optional; mandatory optional; mandatory voluntary; compulsory optional; included excluded; enabled disabled; open
closed; possible impossible; legal illegal; valid invalid; supported unsupported; refundable nonrefundable; safe
unsafe; available unavailable; compatible incompatible
""",
    "de": """
erlaubt verboten; gestattet verboten; erlaubt untersagt; gestattet untersagt; zulässig unzulässig; verpflichtend
freiwillig; vorgeschrieben freiwillig; möglich unmöglich; enthalten ausgeschlossen; inbegriffen ausgeschlossen;
geöffnet geschlossen; kostenlos kostenpflichtig; gültig ungültig; aktiviert deaktiviert; kompatibel inkompatibel
""",
    "zh": """
允许 禁止; 可以 禁止; 必须 可选; 开放 关闭; 免费 收费; 有效 无效; 支持 不支持; 包括 不包括; 包含 不包含
""",
}

# A title with one of these names a document, not what the document is about.
DOCUMENTS = """
about agb agreement anleitung appendix bedingungen bericht brochure broschüre catalog catalogue changelog
conditions contract data datenblatt document dokument faq fragen guide handbook handbuch hausordnung hinweise
häufige info information introduction katalog leaflet leitfaden list liste manual mappe memo merkblatt minutes news
newsletter notes notice ordnung overview page plan policy preisliste price prices programmheft protocol protokoll
readme reference regulations report richtlinie rules rundbrief satzung sheet specification summary terms vertrag
wiki übersicht
"""
DOCUMENTS_CJK = (
    "手册",
    "指南",
    "规定",
    "条款",
    "文档",
    "说明",
    "目录",
    "价目",
    "公告",
    "报告",
    "年报",
    "通讯",
    "资料",
    "问题",
    "合同",
    "主页",
    "我们",
)


def groups(table: str) -> list[list[str]]:
    """The groups of a list, each as its words."""
    return [group.split() for group in table.split(";") if group.strip()]
