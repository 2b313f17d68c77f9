"""One runtime at one precision with so many threads: `embedding.py VARIANT THREADS MODEL_DIR GRAPHS`."""

import json
import statistics
import sys
import time

import numpy as np

from calls import answer
from encoder import Encoder, open_tokenizer
from runtimes import open_runtime

variant, threads, model_dir, graphs = sys.argv[1:]
encoder = Encoder(open_runtime(variant, graphs, int(threads)), open_tokenizer(model_dir))


def texts_of(file):
    with open(file) as lines:
        return [json.loads(line)["text"] for line in lines]


def throughput(file):
    """How long the texts of a file take, after one that does not count."""
    texts = texts_of(file)
    encoder.encode(texts[:1])
    started = time.perf_counter()
    _, tokens = encoder.encode(texts)
    return {"tokens": tokens, "seconds": time.perf_counter() - started}


def question(count):
    """The median milliseconds of new questions of 12 tokens."""
    times = []
    for number in range(count):
        started = time.perf_counter()
        encoder.encode([f"How does treatment {number} affect the growth of cells?"])
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)


def embed(file, into):
    np.save(into, encoder.encode(texts_of(file))[0])


answer({"throughput": throughput, "question": question, "embed": embed})
