"""The runtimes, each as well set up as its documentation says: what they answer is the last hidden state of the model."""

import os

import numpy as np


class OnnxRuntime:
    """ONNX Runtime's CPU provider."""

    def __init__(self, graph, threads):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def run(self, batches):
        return [self.session.run(None, inputs)[0] for inputs in batches]


class OpenVino:
    """OpenVINO's CPU plug-in, in a stream for each thread where there is more than one batch."""

    def __init__(self, graph, threads, precision):
        import openvino

        core = openvino.Core()
        model = core.read_model(graph)
        settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision}
        self.question = core.compile_model(model, "CPU", {**settings, "NUM_STREAMS": 1})
        self.documents = core.compile_model(model, "CPU", {**settings, "NUM_STREAMS": threads})
        self.queue = openvino.AsyncInferQueue(self.documents, threads)
        self.queue.set_callback(self._keep)
        self.request = self.question.create_infer_request()
        self.kept = {}

    def _keep(self, request, number):
        self.kept[number] = np.array(request.get_output_tensor(0).data)

    def run(self, batches):
        if len(batches) == 1:
            self.request.infer(batches[0])
            return [np.array(self.request.get_output_tensor(0).data)]
        for number, inputs in enumerate(batches):
            self.queue.start_async(inputs, number)
        self.queue.wait_all()
        return [self.kept.pop(number) for number in range(len(batches))]


def open_runtime(variant, graphs, threads):
    """The runtime of a name such as `onnxruntime-int8`."""
    name, _, precision = variant.partition("-")
    if name == "onnxruntime":
        graph = {"f32": "fused.onnx", "int8": "int8.onnx"}[precision]
        return OnnxRuntime(os.path.join(graphs, graph), threads)
    graph = "openvino-int8.xml" if precision == "int8" else "float32.onnx"
    return OpenVino(os.path.join(graphs, graph), threads, "bf16" if precision == "bf16" else "f32")
