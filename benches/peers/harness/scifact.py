"""SciFact as BEIR publishes it: `corpus.jsonl.gz`, `queries.jsonl`, `qrels.tsv`; and how good a ranking is."""

import gzip
import json
import math
import os

from harness.process import CannotRun

CUTOFF = 10


class Scifact:
    """The first `count` documents, judged ones first, with the queries that they can answer."""

    def __init__(self, folder, count=None):
        if folder is None:
            raise CannotRun("it needs SciFact: name its folder with --data")
        judged = {}
        for line in read(folder, "qrels.tsv").splitlines()[1:]:
            query, document, grade = line.split("\t")
            if int(grade) > 0:
                judged.setdefault(query, set()).add(document)
        rows = [json.loads(line) for line in read(folder, "corpus.jsonl.gz").splitlines()]
        wanted = set().union(*judged.values())
        rows.sort(key=lambda row: row["_id"] not in wanted)
        rows = rows[:count]
        self.titles = [row["title"] for row in rows]
        self.documents = [(row["_id"], f"{row['title']}\n\n{row['text']}") for row in rows]
        kept = {row["_id"] for row in rows}
        queries = [json.loads(line) for line in read(folder, "queries.jsonl").splitlines()]
        self.queries = [(row["text"], judged[row["_id"]]) for row in queries if judged.get(row["_id"], {None}) <= kept]

    def ndcg(self, rankings):
        """The mean nDCG@10 of rankings of uris, one for each query."""
        gains = [ndcg(ranking, relevant) for ranking, (_, relevant) in zip(rankings, self.queries, strict=True)]
        return sum(gains) / len(gains)


def read(folder, name):
    path = os.path.join(folder, name)
    opened = gzip.open if name.endswith(".gz") else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise CannotRun(f"{path} can't be read: {error}") from error


def ndcg(ranking, relevant):
    gain = sum(1 / math.log2(rank + 2) for rank, uri in enumerate(ranking[:CUTOFF]) if uri in relevant)
    return gain / sum(1 / math.log2(rank + 2) for rank in range(min(CUTOFF, len(relevant))))
