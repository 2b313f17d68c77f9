"""Texts to vectors, as sentence-transformers does with this model: 256 tokens, their mean, length 1."""

import os

import numpy as np
from tokenizers import Tokenizer

MOST_TOKENS = 256
# As many as in Docent's batches.
BATCH_TOKENS = 1024


def open_tokenizer(model_dir):
    tokenizer = Tokenizer.from_file(os.path.join(model_dir, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MOST_TOKENS)
    return tokenizer


class Encoder:
    def __init__(self, runtime, tokenizer):
        self.runtime, self.tokenizer = runtime, tokenizer

    def encode(self, texts):
        """The vectors of `texts`, and how many tokens they have. Texts of like lengths share a batch, so that little is padding."""
        ids = [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(ids)), key=lambda number: len(ids[number]))
        batches = list(in_batches(order, ids))
        vectors = np.empty((len(ids), 384), np.float32)
        inputs = [padded([ids[number] for number in batch]) for batch in batches]
        for batch, given, hidden in zip(batches, inputs, self.runtime.run(inputs)):
            vectors[batch] = pooled(hidden, given["attention_mask"])
        return vectors, sum(map(len, ids))


def in_batches(order, ids):
    """Runs of `order` that have at most so many tokens when all are as long as the longest."""
    batch = []
    for number in order:
        if batch and (len(batch) + 1) * len(ids[number]) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def padded(rows):
    length = max(map(len, rows))
    ids, mask = np.zeros((2, len(rows), length), np.int64)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
        mask[number, : len(row)] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}


def pooled(hidden, mask):
    weights = mask.astype(np.float32) / mask.sum(axis=1, keepdims=True)
    mean = np.matmul(weights[:, None, :], hidden)[:, 0]
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)
