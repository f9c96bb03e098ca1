"""What a judge is asked: every wording in one place, filled in one pass, so that no text is ever read as a slot.

They are short, because a small model reads 60 to 100 tokens a second on a CPU, and show no examples: on 14 pairs of
SQuAD2 one with each reply made SmolLM2-135M no better, and it read for twice as long.
"""

SUPPORTED = """{text}

Question: Does the text above say that "{claim}"? Answer Yes or No.
Answer:"""

HOLDS = """{text}

Question: By the text above, is "{answer}" the right answer to "{question}"? Answer Yes or No.
Answer:"""

RELEVANT = """Someone asked: {question}
They were told: {answer}

Question: Does this answer what they asked? Answer Yes or No.
Answer:"""

FLUENT = """{text}

Question: Is the text above fluent, in whole sentences and without mistakes of grammar? Answer Yes or No.
Answer:"""

USEFUL = """Someone asked: {question}
They were told: {answer}

Question: Would they find this helpful? Answer Yes or No.
Answer:"""
