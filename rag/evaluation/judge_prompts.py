"""What a judge is asked: every wording in one place, filled in one pass, so that no text is ever read as a slot.

They are short because a small model reads 60 to 100 tokens a second on a CPU.
"""

SUPPORTED = """Text: {text}

Claim: {claim}

Does the text support the claim? Answer Yes or No."""

RELEVANT = """Question: {question}

Answer: {answer}

Does the answer address the question? Answer Yes or No."""

ANSWERS = """Text: {text}

Question: {question}
Right answer: {answer}

Does the text say that this is the right answer? Answer Yes or No."""

FLUENT = """Text: {text}

Is the text well written, in whole sentences and without mistakes of grammar? Answer Yes or No."""

USEFUL = """Question: {question}

Answer: {answer}

Would someone who asked this question find the answer helpful? Answer Yes or No."""
