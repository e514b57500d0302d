"""llama.cpp's low-level calls, as the three objects that the scheduler needs: `Model`, `Context` and `Adapter`.

Nothing here schedules or samples. The package `llama-cpp-python` is used for its C bindings only: its high-level class
runs one sequence at a time.
"""

import ctypes
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

# Threads that wait for each other inside one evaluation spin for a moment and sleep then. By default libgomp spins much
# longer where it believes that it has the machine to itself, which collapses 10 to 40 times as soon as another process
# takes a core. This count keeps the whole speed of a quiet machine (LOG.md has the numbers). Read once, when libgomp is
# loaded, so it is set before that; a user's own setting wins.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

import llama_cpp

from agentflow.errors import ConfigError, EngineError

BATCH_TOKENS = 512  # tokens evaluated in one call; more gains nothing on a CPU and delays the sequences that decode
FLASH_ATTENTION_FROM = 4096  # cells


class Row(NamedTuple):
    """One token to evaluate: its id, its position, the sequence it belongs to, and whether its logits are wanted."""

    token: int
    position: int
    sequence: int
    wants_logits: bool


class CacheFull(Exception):
    """No free cell is left in the KV cache. Nothing was evaluated."""


class Aborted(Exception):
    """Somebody called `Context.abort`."""


# llama.cpp prints hundreds of lines to stderr; errors arrive as return codes.
_drop_log = llama_cpp.llama_log_callback(lambda _level, _text, _user_data: None)
_LENGTH_OF_TEXT = ctypes.cast(ctypes.CDLL(None).strlen, llama_cpp.ggml_abort_callback)


def _start() -> None:
    llama_cpp.llama_log_set(_drop_log, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()


class Model:
    """Weights and vocabulary of one GGUF file. Several contexts can share it.

    Raises `ConfigError` for what llama.cpp can not load, and for models that the scheduler can not run.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ConfigError(f"{path} is no file: the embedded engine wants a GGUF file, not a transformers folder")
        _start()
        self.path = path
        self.pointer = llama_cpp.llama_model_load_from_file(str(path).encode(), llama_cpp.llama_model_default_params())
        if not self.pointer:
            raise ConfigError(f"{path} can not be loaded: wanted a GGUF file that llama.cpp knows")
        if unfit := self._unfit():
            self.close()
            raise ConfigError(f"{path} can not be run: {unfit}")
        self.vocabulary = llama_cpp.llama_model_get_vocab(self.pointer)
        self.num_tokens: int = llama_cpp.llama_vocab_n_tokens(self.vocabulary)
        self.training_context: int = llama_cpp.llama_model_n_ctx_train(self.pointer)
        self.adds_bos: bool = bool(llama_cpp.llama_vocab_get_add_bos(self.vocabulary))
        self.bos: int = llama_cpp.llama_vocab_bos(self.vocabulary)
        self.eos: int = llama_cpp.llama_vocab_eos(self.vocabulary)
        self.tokenize_address = ctypes.cast(llama_cpp.llama_cpp._lib.llama_tokenize, ctypes.c_void_p).value

    def tokenize(self, text: str) -> list[int]:
        """Token ids of a text. Control tokens that it spells stay plain text."""
        data = text.encode("utf-8", errors="replace")
        size = len(data) + 8
        buffer = (llama_cpp.llama_token * size)()
        count = llama_cpp.llama_tokenize(self.vocabulary, data, len(data), buffer, size, False, False)
        assert count >= 0, "a token covers at least one byte"
        return list(buffer[:count])

    def piece(self, token: int) -> bytes:
        """The bytes that a token stands for; empty for control tokens."""
        return self._piece(token, control=False)

    def spelling(self, token: int) -> str:
        """How a template writes a token, control tokens included: `<|im_end|>`. Empty for -1, "there is none"."""
        return self._piece(token, control=True).decode("utf-8", errors="replace") if token >= 0 else ""

    def is_end(self, token: int) -> bool:
        """Whether a token ends a generation, such as `<|im_end|>` and `<|endoftext|>`."""
        return bool(llama_cpp.llama_vocab_is_eog(self.vocabulary, token))

    @cached_property
    def control_tokens(self) -> dict[str, int]:
        """The tokens that no text may become, by their spelling."""
        control = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_UNKNOWN
        tokens = (t for t in range(self.num_tokens) if llama_cpp.llama_vocab_get_attr(self.vocabulary, t) & control)
        return {spelling: token for token in tokens if (spelling := self.spelling(token))}

    @cached_property
    def chat_template(self) -> str | None:
        """The Jinja chat template inside the file, if there is one."""
        text = llama_cpp.llama_model_chat_template(self.pointer, None)
        return text.decode("utf-8") if text else None

    def close(self) -> None:
        """Free the weights, and those of all adapters that were loaded for them."""
        if self.pointer:
            llama_cpp.llama_model_free(self.pointer)
            self.pointer = None

    def _piece(self, token: int, *, control: bool) -> bytes:
        buffer = ctypes.create_string_buffer(1024)
        size = llama_cpp.llama_token_to_piece(self.vocabulary, token, buffer, len(buffer), 0, control)
        return buffer.raw[: max(size, 0)]

    def _unfit(self) -> str | None:
        """Why the scheduler, which cuts and shares sequences at any position, can not run this model."""
        if llama_cpp.llama_model_is_recurrent(self.pointer) or llama_cpp.llama_model_is_hybrid(self.pointer):
            return "a recurrent model's state can not be cut at a position, so prefixes can not be shared"
        if llama_cpp.llama_model_has_encoder(self.pointer) or llama_cpp.llama_model_is_diffusion(self.pointer):
            return "wanted a model that writes from left to right, without an encoder"
        return None


class Adapter:
    """A LoRA adapter in a GGUF file, loaded for one model. Not thread-safe against a context that evaluates."""

    def __init__(self, model: Model, path: Path) -> None:
        if not path.is_file():
            raise ConfigError(f"no adapter at {path}")
        self.pointer = llama_cpp.llama_adapter_lora_init(model.pointer, str(path).encode())
        if not self.pointer:
            raise ConfigError(f"{path} can not be loaded: wanted a GGUF LoRA adapter made for {model.path.name}")

    def close(self) -> None:
        """Free it; no context may have it set."""
        if self.pointer:
            llama_cpp.llama_adapter_lora_free(self.pointer)
            self.pointer = None


class Context:
    """A KV cache over one model, and the calls that fill it.

    Sequences share cells: copying a prefix from one sequence to another marks cells and moves no data. `cells` is the
    number of tokens that all sequences together can hold.
    """

    def __init__(self, model: Model, *, cells: int, sequences: int, threads: int) -> None:
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = cells
        parameters.n_batch = parameters.n_ubatch = BATCH_TOKENS
        parameters.n_seq_max = sequences
        parameters.n_outputs_max = sequences  # default: a logits buffer for every token of a batch, 300 MB for Qwen
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.kv_unified = True
        # Flash attention passes over the cells of other sequences, which keeps prompts cheap beside a full cache; in a
        # small or empty one it is the slower of the two (LOG.md).
        flash = cells >= FLASH_ATTENTION_FROM
        parameters.flash_attn_type = (
            llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED if flash else llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        )
        parameters.no_perf = True
        self.model = model
        self.cells = cells
        self.pointer = llama_cpp.llama_init_from_model(model.pointer, parameters)
        if not self.pointer:
            raise ConfigError(f"no memory for a context of {cells} tokens: ask for fewer cells")
        # llama.cpp asks after each operation whether to go on. A Python function would take the interpreter's lock a
        # thousand times a batch; the length of this text is an answer that needs none: "" goes on, anything else stops.
        self._abort = ctypes.create_string_buffer(2)
        llama_cpp.llama_set_abort_callback(self.pointer, _LENGTH_OF_TEXT, ctypes.addressof(self._abort))
        self._memory = llama_cpp.llama_get_memory(self.pointer)
        self._batch = llama_cpp.llama_batch_init(BATCH_TOKENS, 0, 1)

    def evaluate(self, rows: Sequence[Row]) -> None:
        """Evaluate up to `BATCH_TOKENS` tokens. Raises `CacheFull` (nothing done), `EngineError` (cache undefined)."""
        batch = self._batch
        batch.n_tokens = len(rows)
        for i, row in enumerate(rows):
            batch.token[i] = row.token
            batch.pos[i] = row.position
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = row.sequence
            batch.logits[i] = row.wants_logits
        code = llama_cpp.llama_decode(self.pointer, batch)
        if code == 1:
            raise CacheFull
        if code == 2:
            raise Aborted
        if code != 0:
            raise EngineError(f"llama.cpp could not evaluate a batch of {len(rows)} tokens (code {code})")

    def logits(self, row: int) -> npt.NDArray[np.float32]:
        """The logits of row number `row` of the last batch, shape (num_tokens,): a view, valid until the next one."""
        pointer = llama_cpp.llama_get_logits_ith(self.pointer, row)
        return np.ctypeslib.as_array(pointer, shape=(self.model.num_tokens,))

    def copy_prefix(self, source: int, target: int, length: int) -> None:
        """Let `target` share the first `length` tokens of `source`."""
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, 0, length)

    def truncate(self, sequence: int, length: int) -> None:
        """Forget everything of a sequence from position `length` on."""
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, length, -1)

    def clear(self) -> None:
        """Forget all sequences."""
        llama_cpp.llama_memory_clear(self._memory, True)

    def set_adapter(self, adapter: Adapter | None) -> None:
        """Apply one adapter at full scale, or none. What the cache holds was computed without it: clear it too."""
        adapters = [adapter.pointer] if adapter else []
        pointers = (llama_cpp.llama_adapter_lora_p_ctypes * len(adapters))(*adapters)
        scales = (ctypes.c_float * len(adapters))(*[1.0] * len(adapters))
        if llama_cpp.llama_set_adapters_lora(self.pointer, pointers, len(adapters), scales) != 0:
            raise EngineError("llama.cpp refused the adapter")
        self.clear()

    def abort(self) -> None:
        """Let `evaluate` raise `Aborted` soon, now and from now on. The one call that other threads may make."""
        self._abort.value = b"x"

    def close(self) -> None:
        if self.pointer:
            llama_cpp.llama_batch_free(self._batch)
            llama_cpp.llama_free(self.pointer)
            self.pointer = None
