"""Chroma in a process, with ONNX Runtime at one precision: `chroma.py VARIANT THREADS MODEL_DIR GRAPHS FOLDER`."""

import json
import sys

import chromadb
from chromadb.api.types import EmbeddingFunction
from chromadb.config import Settings

from calls import answer
from encoder import Encoder, open_tokenizer
from runtimes import open_runtime

variant, threads, model_dir, graphs, folder = sys.argv[1:]


class Embedding(EmbeddingFunction):
    def __init__(self):
        self.encoder = Encoder(open_runtime(variant, graphs, int(threads)), open_tokenizer(model_dir))

    def __call__(self, texts):
        return list(self.encoder.encode(texts)[0])

    @staticmethod
    def name():
        return "bench"

    def get_config(self):
        return {}

    @staticmethod
    def build_from_config(config):
        return Embedding()


client = chromadb.PersistentClient(folder, Settings(anonymized_telemetry=False))
embedding = Embedding()
collections = {}


def create(name):
    collections[name] = client.create_collection(name, embedding_function=embedding, configuration={"hnsw": {"space": "cosine"}})


def add(name, file):
    """Adds batches of chunks, a line each."""
    with open(file) as lines:
        for line in lines:
            batch = json.loads(line)
            collections[name].add(ids=batch["ids"], documents=batch["texts"], metadatas=[{"uri": uri} for uri in batch["uris"]])


def search(name, queries):
    """The uris of the ten best documents for each query, by their best chunk."""
    found = collections[name].query(query_texts=queries, n_results=50, include=["metadatas"])
    return [list(dict.fromkeys(each["uri"] for each in row))[:10] for row in found["metadatas"]]


answer({"create": create, "add": add, "search": search})
