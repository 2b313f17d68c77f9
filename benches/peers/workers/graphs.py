"""The graphs of all-MiniLM-L6-v2 that the runtimes execute, made from the weights that Docent uses.

`float32.onnx` is the model as BERT's graph; ONNX Runtime's own tools turn it into `fused.onnx`, with its fused operators of
attention, layer normalisation and GELU, and that into `int8.onnx`, with dynamic quantisation: weights per channel, activations as
they come.
"""

import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

LAYERS, HEADS, WIDTH, EPSILON = 6, 12, 384, 1e-12
# What a masked place adds to the attention before its softmax.
MASKED = -10000.0
# The newest set of operators that all tools of the requirements know.
OPSET, IR_VERSION = 17, 9


class Graph:
    """Nodes with their constants. Each method adds one node, and returns the name of its output."""

    def __init__(self, weights):
        self.weights, self.nodes, self.constants = weights, [], {}

    def add(self, operator, *inputs, output=None, **attributes):
        output = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=f"node_{output}", **attributes))
        return output

    def constant(self, name, value):
        self.constants.setdefault(name, numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def weight(self, name):
        return self.constant(name, self.weights[name].astype(np.float32))

    def whole_numbers(self, *values):
        return self.constant("numbers_" + "_".join(map(str, values)), np.array(values, np.int64))

    def number(self, value):
        return self.constant(f"number_{value}", np.array(value, np.float32))

    def linear(self, name, value):
        weight = self.constant(f"{name}.weight", self.weights[f"{name}.weight"].astype(np.float32).T)
        return self.add("Add", self.add("MatMul", value, weight), self.weight(f"{name}.bias"))

    def normalised(self, name, value):
        scale, shift = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self.add("LayerNormalization", value, scale, shift, axis=-1, epsilon=EPSILON)

    def gelu(self, value):
        error = self.add("Erf", self.add("Div", value, self.number(2**0.5)))
        return self.add("Mul", self.add("Mul", value, self.add("Add", error, self.number(1.0))), self.number(0.5))

    def heads(self, value, *order):
        split = self.add("Reshape", value, self.whole_numbers(0, 0, HEADS, WIDTH // HEADS))
        return self.add("Transpose", split, perm=order)

    def attention(self, name, value, mask):
        query = self.heads(self.linear(f"{name}.self.query", value), 0, 2, 1, 3)
        key = self.heads(self.linear(f"{name}.self.key", value), 0, 2, 3, 1)
        values = self.heads(self.linear(f"{name}.self.value", value), 0, 2, 1, 3)
        scores = self.add("Div", self.add("MatMul", query, key), self.number((WIDTH / HEADS) ** 0.5))
        shares = self.add("Softmax", self.add("Add", scores, mask), axis=-1)
        merged = self.add("Transpose", self.add("MatMul", shares, values), perm=(0, 2, 1, 3))
        merged = self.add("Reshape", merged, self.whole_numbers(0, 0, WIDTH))
        output = self.linear(f"{name}.output.dense", merged)
        return self.normalised(f"{name}.output.LayerNorm", self.add("Add", output, value))

    def layer(self, name, value, mask):
        value = self.attention(f"{name}.attention", value, mask)
        inner = self.gelu(self.linear(f"{name}.intermediate.dense", value))
        outer = self.linear(f"{name}.output.dense", inner)
        return self.normalised(f"{name}.output.LayerNorm", self.add("Add", outer, value))

    def embedded(self):
        words = self.add("Gather", self.weight("embeddings.word_embeddings.weight"), "input_ids")
        kinds = self.add("Gather", self.weight("embeddings.token_type_embeddings.weight"), "token_type_ids")
        length = self.add("Gather", self.add("Shape", "input_ids"), self.constant("one", np.array(1, np.int64)))
        length = self.add("Unsqueeze", length, self.whole_numbers(0))
        all_positions = self.constant("positions", np.arange(512, dtype=np.int64)[None])
        ids = self.add("Slice", all_positions, self.whole_numbers(0), length, self.whole_numbers(1))
        places = self.add("Gather", self.weight("embeddings.position_embeddings.weight"), ids)
        return self.normalised("embeddings.LayerNorm", self.add("Add", self.add("Add", words, kinds), places))

    def mask(self):
        mask = self.add("Unsqueeze", self.add("Unsqueeze", "attention_mask", self.whole_numbers(1)), self.whole_numbers(2))
        kept = self.add("Cast", mask, to=TensorProto.FLOAT)
        return self.add("Mul", self.add("Sub", self.number(1.0), kept), self.number(MASKED))

    def model(self):
        value, mask = self.embedded(), self.mask()
        for number in range(LAYERS):
            value = self.layer(f"encoder.layer.{number}", value, mask)
        self.add("Identity", value, output="last_hidden_state")
        inputs = ["input_ids", "attention_mask", "token_type_ids"]
        inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"]) for name in inputs]
        output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "length", WIDTH])
        graph = helper.make_graph(self.nodes, "MiniLM", inputs, [output], list(self.constants.values()))
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def build(model_dir, folder):
    """Makes the three graphs in `folder`."""
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.transformers import optimizer

    os.makedirs(folder, exist_ok=True)
    plain, fused, int8 = (os.path.join(folder, f"{name}.onnx") for name in ("float32", "fused", "int8"))
    model = Graph(load_file(os.path.join(model_dir, "model.safetensors"))).model()
    onnx.checker.check_model(model)
    onnx.save(model, plain)
    fusion = optimizer.optimize_model(plain, model_type="bert", num_heads=HEADS, hidden_size=WIDTH, opt_level=0)
    fusion.save_model_to_file(fused)
    # The types of what fused operators return are not known to the tool.
    types = {"DefaultTensorType": TensorProto.FLOAT}
    quantize_dynamic(fused, int8, per_channel=True, weight_type=QuantType.QInt8, extra_options=types)


def quantize_for_openvino(folder, encoder_inputs):
    """Makes `openvino-int8.xml` with OpenVINO's own tool, which looks at `encoder_inputs` to choose the scales of activations."""
    import nncf
    import openvino

    model = openvino.Core().read_model(os.path.join(folder, "float32.onnx"))
    samples = nncf.Dataset(encoder_inputs)
    quantized = nncf.quantize(model, samples, subset_size=len(encoder_inputs), model_type=nncf.ModelType.TRANSFORMER)
    openvino.save_model(quantized, os.path.join(folder, "openvino-int8.xml"), compress_to_fp16=False)
