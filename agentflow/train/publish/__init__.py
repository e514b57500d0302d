"""From the learner's weights to the engine that samples with them.

`local.py` publishes to the embedded engine, `vllm.py` to a vLLM server; `publisher.py` says what they have in common.
`model.py` and `lora.py` write GGUF files, from the names and layouts in `architecture.py`, the weights in `weights.py`,
and what `metadata.py` and `tokenizer.py` say beside them.
"""
