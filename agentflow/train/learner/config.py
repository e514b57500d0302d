"""The settings of the local learner."""

from typing import Literal

from pydantic import Field

from agentflow.config import Section


class LearnerConfig(Section):
    """What is trained, how AdamW steps, and what a computation may take.

    - `lora_rank`: a LoRA adapter of this rank on every linear layer is trained. 0 trains all weights instead.
    - `lora_alpha`: the adapter counts alpha / rank times. Rank 16, alpha 32 -> twice.
    - `temperature`: that of sampling; logits are divided by it. 0.5 makes a logit of 1 count 2.
    - `betas`, `weight_decay`: those of AdamW. The learning rate comes with each step.
    - `token_budget`: tokens computed at once; it bounds the memory. Shared prefixes count once: 8 samples of a prompt
      of 400 tokens with 60 tokens each are 880, and not 3680.
    - `share_prefixes`: switch it off to compute each sample on its own, for comparison: the results are the same.
    - `gradient_checkpointing`: keep one activation a layer and compute the others again for the gradient: about a
      sixth of the memory a token, and half as much time again.
    - `threads`: of the CPU; the same number gives the same bits. 0 takes what torch finds.
    - `seed`: of the adapter's first weights.
    - `device`: "auto" is "cuda" where there is one.
    - `dtype`: of the arithmetic. "auto" is float32 on a CPU (bfloat16 is a hundred times slower there) and bfloat16 on
      CUDA. Trained weights are float32 in any case but "float64", which is for checks.
    """

    lora_rank: int = Field(default=16, ge=0)
    lora_alpha: float = Field(default=32.0, gt=0)
    temperature: float = Field(default=1.0, gt=0)
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = Field(default=0.01, ge=0)
    token_budget: int = Field(default=2048, ge=1)
    share_prefixes: bool = True
    gradient_checkpointing: bool = True
    threads: int = Field(default=0, ge=0)
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float64"] = "auto"
