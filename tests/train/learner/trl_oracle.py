"""Another implementation of the same update: TRL's GRPO trainer, given samples in place of rollouts.

TRL has no public way in for samples that were drawn elsewhere, so a private method is overridden; with another version
of TRL this may need a change.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from tokenizers import Tokenizer, models
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from trl import GRPOConfig, GRPOTrainer

from agentflow.train.samples import Sample


class SampleTrainer(GRPOTrainer):  # type: ignore[misc]  # trl is not looked into by the type check
    """Takes `samples` for every step, with their recorded log-probabilities as the old ones."""

    samples: Sequence[Sample]

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Tensor]:
        prompts = [sample.token_ids[~sample.mask] for sample in self.samples]
        actions = [sample.token_ids[sample.mask] for sample in self.samples]
        logprobs = [sample.rollout_logprobs[sample.mask] for sample in self.samples]
        batch = {
            "prompt_ids": _padded(prompts, left=True),
            "prompt_mask": _padded([np.ones_like(row) for row in prompts], left=True),
            "completion_ids": _padded(actions),
            "completion_mask": _padded([np.ones_like(row) for row in actions]),
            "old_per_token_logps": _padded(logprobs),
            "advantages": torch.tensor([float(sample.advantage[sample.mask][0]) for sample in self.samples]),
        }
        batch["num_items_in_batch"] = batch["completion_mask"].sum()
        if self.beta:
            batch["ref_per_token_logps"] = self._reference_logprobs(batch)
        return batch

    def _reference_logprobs(self, batch: dict[str, Tensor]) -> Tensor:
        ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
        mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1)
        arguments = (ids, mask, batch["completion_ids"].size(1), self.args.per_device_train_batch_size)
        with torch.no_grad():
            if self.ref_model is not None:
                found = self._get_per_token_logps_and_entropies(self.ref_model, *arguments)
            else:
                with self.accelerator.unwrap_model(self.model).disable_adapter():
                    found = self._get_per_token_logps_and_entropies(self.model, *arguments)
        reference: Tensor = found[0]
        return reference


def make_trainer(
    folder: Path,
    samples: Sequence[Sample],
    output: Path,
    *,
    adapter: Any = None,
    callbacks: Sequence[Any] = (),
    **settings: Any,
) -> SampleTrainer:
    """A trainer of the model in `folder` on these samples, whose actions weigh 1 / (samples * length) a token.

    `adapter` is a LoRA configuration of peft, None trains all weights; `settings` are those of TRL.
    """
    config = GRPOConfig(
        output_dir=str(output),
        num_generations=len(samples),
        loss_type="grpo",
        lr_scheduler_type="constant",
        weight_decay=0.0,
        use_cpu=True,
        bf16=False,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        **{"per_device_train_batch_size": len(samples), **settings},
    )
    trainer = SampleTrainer(
        AutoModelForCausalLM.from_pretrained(folder),
        lambda **_: [0.0],
        config,
        Dataset.from_dict({"prompt": ["1"] * len(samples)}),
        processing_class=_tokenizer(),
        peft_config=adapter,
        callbacks=list(callbacks),
    )
    trainer.samples = samples
    return trainer


def _tokenizer() -> Any:
    """TRL asks for one; nothing is tokenised."""
    words = Tokenizer(models.WordLevel({"0": 0, "1": 1}, unk_token="0"))
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="0", eos_token="1", unk_token="0")


def _padded(rows: Sequence[Any], *, left: bool = False) -> Tensor:
    width = max(len(row) for row in rows)
    sides = [(width - len(row), 0) if left else (0, width - len(row)) for row in rows]
    return torch.from_numpy(np.stack([np.pad(row, side) for row, side in zip(rows, sides, strict=True)]))
