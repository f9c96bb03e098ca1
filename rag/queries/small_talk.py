"""What people say that no document has to answer: data for ``intent``, by kind, in lower case, unpunctuated."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["PHRASES"]

# Only what is a whole utterance counts, so a song named Hello is found by "who sang Hello".
PHRASES: Mapping[str, frozenset[str]] = {
    kind: frozenset(" ".join(phrase.split()) for phrase in phrases.split("/") if phrase.strip())
    for kind, phrases in {
        "a greeting": """
            hi / hello / hey / hi there / hello there / hey there / hello again / hello everyone / greetings /
            good morning / good afternoon / good evening / good day / nice to meet you / hallo / guten morgen /
            guten tag / guten abend / grüß gott / servus / moin / bonjour / bonsoir / salut / coucou / hola /
            buenos días / buenas tardes / buenas noches / ciao / buongiorno / buonasera / olá / bom dia / boa tarde /
            boa noite / hej / god dag / god morgen / merhaba / cześć / dzień dobry / привет / здравствуйте /
            добрый день / доброе утро / добрый вечер / 你好 / 您好 / 大家好 / 早上好 / 下午好 / 晚上好 / 嗨 /
            こんにちは /
            おはよう / おはようございます / こんばんは / はじめまして / 안녕 / 안녕하세요 / مرحبا /
            السلام عليكم / नमस्ते
        """,
        "thanks": """
            thanks / thank you / thanks a lot / thank you very much / thank you so much / many thanks / thx / ty /
            thanks for your help / thank you for your help / thanks for the help / danke / danke schön / danke sehr /
            vielen dank / besten dank / danke für deine hilfe / danke für ihre hilfe / merci / merci beaucoup /
            gracias / muchas gracias / grazie / grazie mille / obrigado / obrigada / muito obrigado / tack / takk /
            teşekkürler / dziękuję / спасибо / большое спасибо / 谢谢 / 谢谢你 / 谢谢您 / 多谢 / 非常感谢 /
            ありがとう /
            ありがとうございます / どうもありがとう / 감사합니다 / 고마워 / 고맙습니다 / شكرا / धन्यवाद
        """,
        "a farewell": """
            bye / goodbye / bye bye / see you / see you later / good night / have a nice day / tschüss / tschüs /
            auf wiedersehen / gute nacht / schönen tag noch / au revoir / à bientôt / bonne nuit / adiós /
            hasta luego /
            hasta la vista / arrivederci / tchau / adeus / hej då / до свидания / пока / 再见 / 拜拜 / 晚安 /
            さようなら /
            おやすみなさい / また明日 / 안녕히 가세요 / 안녕히 계세요 / وداعا / अलविदा
        """,
        "an acknowledgement": """
            ok / okay / alright / all right / got it / i see / understood / great / perfect / very good / well done /
            sounds good / no problem / never mind / alles klar / verstanden / sehr gut / in ordnung / d'accord /
            très bien / compris / vale / de acuerdo / entendido / va bene / capito / entendi / понятно / хорошо /
            好的 / 好 / 明白了 / 明白 / 知道了 / 了解 / 没问题 / わかりました / 了解です / 了解しました /
            なるほど / 알겠습니다 / 네
        """,
        "about the assistant": """
            who are you / what are you / what is your name / what's your name / whats your name / what can you do /
            what do you do / how do you work / how can you help / how can you help me / what can you help me with /
            are you a robot / are you a bot / are you human / are you a human / are you an ai / are you real /
            are you there / are you chatgpt / who made you / who built you / who created you / how are you /
            how are you doing / how are you today / how is it going / how's it going / introduce yourself /
            tell me about yourself / help / can you help me / wer bist du / wer sind sie / was bist du /
            was kannst du /
            was können sie / wie heißt du / wie heißen sie / wie geht es dir / wie geht es ihnen / wie geht's /
            bist du ein mensch / bist du ein roboter / kannst du mir helfen / qui es-tu / qui êtes-vous /
            comment t'appelles-tu / comment vous appelez-vous / comment ça va / ça va / que peux-tu faire /
            es-tu un robot / quién eres / quién es usted / cómo te llamas / cómo estás / qué puedes hacer /
            eres un robot / chi sei / come ti chiami / come stai / cosa sai fare / quem é você / como você se chama /
            кто ты / кто вы / как тебя зовут / как дела / что ты умеешь / 你是谁 / 您是谁 / 你叫什么 /
            你叫什么名字 / 你能做什么 /
            你会做什么 / 你会什么 / 你是机器人吗 / 你是人吗 / 你好吗 / 你能帮我吗 / 介绍一下你自己 /
            请介绍一下你自己 /
            あなたは誰ですか / あなたは誰 / お名前は / 何ができますか / 元気ですか / お元気ですか /
            あなたはロボットですか /
            누구세요 / 너는 누구야 / 이름이 뭐예요 / 뭐 할 수 있어 / 잘 지내세요 / من أنت / तुम कौन हो / आप कौन हैं
        """,
    }.items()
}
