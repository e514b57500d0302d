"""What every engine in this process needs, whoever computes its logits: from chat messages to tokens and back to text.

`chat.py` renders prompts; `generation.py` is one request that grows; `sampling.py` and `constraint.py` choose a token.
"""
