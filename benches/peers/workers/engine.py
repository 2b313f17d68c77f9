"""The bare engine on a copy of Docent's vectors: `engine.py DATA_DIR COPY`. It is asked what Docent asks it."""

import json
import sys
import time

import numpy as np
import qdrant_edge as edge

import store
from calls import answer

# What Docent asks for: so many candidates of each leg, and how far it looks for them.
CANDIDATES, BREADTH = 100, 200
shard = store.open_copy(*sys.argv[1:])
words = edge.Bm25(edge.Bm25Config(k=1.2, b=0.75, avg_len=90.0))
requests = {}


def prepare(embeddings, queries):
    """Makes the requests for the queries in each mode, so that only the engine is timed. There is one generation."""
    (generation,) = {point.payload[store.GENERATION] for point in store.points(shard)}
    among = edge.Filter(must=[edge.FieldCondition(store.GENERATION, match=edge.MatchAny([generation]))])
    nearest = edge.SearchParams(hnsw_ef=BREADTH, acorn=edge.AcornSearchParams(enable=True))
    rarity = edge.SearchParams(idf=edge.IdfParams(corpus=among))

    def request(vector, name, params):
        query = edge.Query.Nearest(vector, using=name)
        return edge.QueryRequest(limit=CANDIDATES, query=query, filter=among, params=params, with_payload=False)

    with open(queries) as lines:
        texts = [json.loads(line)["text"] for line in lines]
    semantic = [request(row.tolist(), store.EMBEDDING, nearest) for row in np.load(embeddings)]
    lexical = [request(words.embed_query(text), store.WORDS, rarity) for text in texts]
    requests.update(
        SEMANTIC=[edge.QueryBatchRequest([each]) for each in semantic],
        LEXICAL=[edge.QueryBatchRequest([each]) for each in lexical],
        HYBRID=[edge.QueryBatchRequest(list(both)) for both in zip(semantic, lexical)],
    )


def best(mode, count):
    """The ids of the best points for each query."""
    return [[str(point.id) for point in shard.query_batch(request)[0]][:count] for request in requests[mode]]


def measure(mode):
    """The milliseconds of each query."""
    times = []
    for request in requests[mode]:
        started = time.perf_counter()
        shard.query_batch(request)
        times.append(1000 * (time.perf_counter() - started))
    return times


answer({"prepare": prepare, "best": best, "measure": measure})
