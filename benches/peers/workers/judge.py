"""Compares embeddings: by what they find, and with each other."""

import numpy as np

import store
from calls import answer

CUTOFF = 10


def rank(chunks, queries, uris):
    """The ten best documents for each query, by their best chunk."""
    scores = np.load(queries) @ np.load(chunks).T
    return [best_documents(row, uris) for row in scores]


def best_documents(scores, uris):
    found = dict.fromkeys(uris[number] for number in np.argsort(-scores))
    return list(found)[:CUTOFF]


def cosine(these, those):
    return float((np.load(these) * np.load(those)).sum(axis=1).mean())


def vectors(data_dir, ids, into, scratch):
    """Writes the embeddings that Docent stored for chunks."""
    shard = store.open_copy(data_dir, scratch)
    found = {str(point.id): point.vector[store.EMBEDDING] for point in store.points(shard)}
    np.save(into, np.array([found[each] for each in ids], np.float32))
    shard.close()


answer({"rank": rank, "cosine": cosine, "vectors": vectors})
