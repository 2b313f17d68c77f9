"""A copy of Docent's vectors, opened with the engine that Docent has inside: `qdrant-edge`, without anything around it."""

import glob
import os
import shutil

import qdrant_edge as edge

# The names that Docent gives to what its points are made of.
EMBEDDING, WORDS, GENERATION = "embedding", "words", "generation"


def open_copy(data_dir, into):
    """The engine on a copy of the only placement of a data directory."""
    (placement,) = [os.path.dirname(path) for path in glob.glob(os.path.join(data_dir, "vectors", "*", "edge_config.json"))]
    shutil.rmtree(into, ignore_errors=True)
    shutil.copytree(placement, into)
    return edge.EdgeShard.load(into)


def points(shard):
    """All points, with their embeddings."""
    count = shard.count(edge.CountRequest(exact=True))
    found, _ = shard.scroll(edge.ScrollRequest(limit=count, with_vector=[EMBEDDING], with_payload=True))
    return found
