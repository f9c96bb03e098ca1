"""A BERT encoder as an OpenVINO graph, built from its safetensors weights: no tracing, no torch.

The encoder of Devlin et al. 2019 (https://arxiv.org/abs/1810.04805) and of RoBERTa, which differs
only in where positions start, followed by pooling and L2 normalisation, so that the only thing
that leaves the graph is one float32 vector a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from rag.embedders.encoder_folder import EncoderFolder
from rag.embedders.openvino_runtime import import_openvino
from rag.errors import EmbeddingError, ModelError

if TYPE_CHECKING:
    import openvino as ov

Array: TypeAlias = npt.NDArray[np.float32]

ARCHITECTURES = ("bert", "roberta", "xlm-roberta")
ACTIVATIONS = {"gelu": "erf", "gelu_new": "tanh", "gelu_pytorch_tanh": "tanh"}
MASKED = -1e9  # exp() of it is exactly 0, also in bfloat16


def unsupported(folder: EncoderFolder) -> str:
    """Why this graph cannot stand for the model; "" if it can."""
    config = folder.config
    activation = config.get("hidden_act", "gelu")
    positions = config.get("position_embedding_type", "absolute")
    known = ", ".join(ARCHITECTURES)
    obstacles = (
        (folder.architecture not in ARCHITECTURES, f"architecture {folder.architecture!r} (only {known})"),
        (set(folder.modules) - {"Transformer", "Pooling", "Normalize"}, f"modules {', '.join(folder.modules)}"),
        (folder.modules[0] != "Transformer", f"a first module {folder.modules[0]}"),
        (folder.pooling not in {("mean",), ("cls",)}, f"pooling {'+'.join(folder.pooling)}"),
        (not folder.pools_prompt, "pooling that leaves the prompt out"),
        (activation not in ACTIVATIONS, f"activation {activation!r}"),
        (positions != "absolute", f"position embeddings {positions!r}"),
    )
    return next((reason for found, reason in obstacles if found), "")


def read_weights(folder: EncoderFolder) -> dict[str, Array]:
    """All tensors of the safetensors files as float32. Raises ModelError."""
    from safetensors import SafetensorError, safe_open

    weights: dict[str, Array] = {}
    for path in folder.weights:
        try:
            with safe_open(path, "np") as file:
                for name in file.keys():  # noqa: SIM118 - not a mapping
                    weights[name.removeprefix(f"{folder.architecture.replace('xlm-', '')}.")] = file.get_tensor(name)
        except (SafetensorError, OSError, TypeError) as error:
            raise ModelError(f"cannot read the weights: {error}", where=str(path)) from error
    return weights


def build(folder: EncoderFolder, weights: Mapping[str, Array], *, pooled: bool = True) -> ov.Model:
    """Inputs ``ids`` int32 (batch, length) and ``lengths`` int32 (batch,); output float32 (batch, dim).

    Not ``pooled``, it gives the tokens' states (batch, length, dim) as they are.

    Attention is written out as matmul, softmax, matmul: the CPU plugin fuses that into one
    kernel, which was measured faster than its ScaledDotProductAttention operation.
    """
    return _Builder(folder, weights).model(pooled=pooled)


class _Builder:
    def __init__(self, folder: EncoderFolder, weights: Mapping[str, Array]) -> None:
        import_openvino()
        import openvino.opset15 as ops

        config = folder.config
        self.ops = ops
        self.weights = weights
        self.where = str(folder.transformer)
        self.hidden = self._integer(config, "hidden_size")
        self.heads = self._integer(config, "num_attention_heads")
        self.layers = self._integer(config, "num_hidden_layers")
        self.gelu = ACTIVATIONS[str(config.get("hidden_act", "gelu"))]
        epsilon = config.get("layer_norm_eps", 1e-12)
        self.epsilon = float(epsilon) if isinstance(epsilon, int | float) else 1e-12
        self.first_position = 0 if folder.architecture == "bert" else self._integer(config, "pad_token_id") + 1
        self.pooling = folder.pooling[0]

    def model(self, *, pooled: bool) -> ov.Model:
        ops = self.ops
        ids = ops.parameter([-1, -1], np.int32, "ids")
        lengths = ops.parameter([-1], np.int32, "lengths")
        ids.output(0).set_names({"ids"})
        lengths.output(0).set_names({"lengths"})
        length = ops.gather(ops.shape_of(ids, "i64"), self._ints([1]), self._int(0))

        table = self._weight("embeddings.position_embeddings.weight")[self.first_position :]
        table = table + self._weight("embeddings.token_type_embeddings.weight")[0]
        positions = self._head(self._floats(table), length)
        words = ops.gather(self._floats(self._weight("embeddings.word_embeddings.weight")), ids, self._int(0))
        states = self._normalise(ops.add(words, positions), "embeddings.LayerNorm")

        column = self._head(ops.constant(np.arange(len(table), dtype=np.int32)), length)
        present = ops.less(column, ops.unsqueeze(lengths, self._int(1)))
        bias = ops.select(present, self._floats(0.0), self._floats(MASKED))
        bias = ops.unsqueeze(bias, self._ints([1, 2]))
        for layer in range(self.layers):
            states = self._layer(states, bias, f"encoder.layer.{layer}.")

        result = ops.result(self._unit(self._pool(states, present)) if pooled else states)
        return import_openvino().Model([result], [ids, lengths], "bert-encoder")

    def _layer(self, states: ov.Node, bias: ov.Node, name: str) -> ov.Node:
        ops = self.ops
        attended = self._dense(self._attention(states, bias, name), name + "attention.output.dense")
        states = self._normalise(ops.add(attended, states), name + "attention.output.LayerNorm")
        inner = ops.gelu(self._dense(states, name + "intermediate.dense"), self.gelu)
        inner = self._dense(inner, name + "output.dense")
        return self._normalise(ops.add(inner, states), name + "output.LayerNorm")

    def _attention(self, states: ov.Node, bias: ov.Node, name: str) -> ov.Node:
        ops = self.ops
        size = self.hidden // self.heads
        split = self._ints([0, 0, self.heads, size])
        query, key, value = (
            ops.transpose(
                ops.reshape(self._dense(states, f"{name}attention.self.{part}"), split, special_zero=True),
                self._ints([0, 2, 1, 3]),
            )
            for part in ("query", "key", "value")
        )
        scores = ops.multiply(ops.matmul(query, key, transpose_a=False, transpose_b=True), self._floats(size**-0.5))
        mixed = ops.matmul(ops.softmax(ops.add(scores, bias), -1), value, transpose_a=False, transpose_b=False)
        joined = ops.transpose(mixed, self._ints([0, 2, 1, 3]))
        return ops.reshape(joined, self._ints([0, 0, self.hidden]), special_zero=True)

    def _pool(self, states: ov.Node, present: ov.Node) -> ov.Node:
        """Pooled states (batch, hidden); the mean's divisor is left to the normalisation."""
        ops = self.ops
        if self.pooling == "cls":
            return ops.gather(states, self._int(0), self._int(1))
        weights = ops.unsqueeze(ops.convert(present, "f32"), self._int(2))
        return ops.reduce_sum(ops.multiply(states, weights), self._int(1))

    def _unit(self, vectors: ov.Node) -> ov.Node:
        ops = self.ops
        square = ops.reduce_sum(ops.multiply(vectors, vectors), self._int(1), keep_dims=True)
        return ops.divide(vectors, ops.sqrt(square))

    def _dense(self, states: ov.Node, name: str) -> ov.Node:
        weight = self._floats(self._weight(name + ".weight"))
        product = self.ops.matmul(states, weight, transpose_a=False, transpose_b=True)
        return self.ops.add(product, self._floats(self._weight(name + ".bias")))

    def _normalise(self, states: ov.Node, name: str) -> ov.Node:
        ops = self.ops
        centred = ops.mvn(states, self._ints([-1]), normalize_variance=True, eps=self.epsilon, eps_mode="INSIDE_SQRT")
        scaled = ops.multiply(centred, self._floats(self._weight(name + ".weight")))
        return ops.add(scaled, self._floats(self._weight(name + ".bias")))

    def _head(self, table: ov.Node, length: ov.Node) -> ov.Node:
        """The first ``length`` rows of a table."""
        return self.ops.slice(table, self._ints([0]), length, self._ints([1]), self._ints([0]))

    def _weight(self, name: str) -> Array:
        try:
            return self.weights[name]
        except KeyError:
            raise ModelError(f"the weights lack {name!r}", where=self.where) from None

    def _floats(self, values: Array | float) -> ov.Node:
        return self.ops.constant(np.array(values, np.float32))

    def _ints(self, values: list[int]) -> ov.Node:
        return self.ops.constant(np.array(values, np.int64))

    def _int(self, value: int) -> ov.Node:
        return self.ops.constant(np.array(value, np.int64))

    def _integer(self, config: Mapping[str, object], key: str) -> int:
        value = config.get(key)
        if isinstance(value, int):
            return value
        raise EmbeddingError(f"config.json gives no number for {key!r}", where=self.where)
