"""Docent's search."""

import base64

IDS = "query($input: SearchInput!, $first: Int) { search(input: $input, first: $first) { nodes { chunk { id } } } }"
RANKING = "query($input: SearchInput!, $first: Int) { search(input: $input, first: $first) { nodes { document { uri } } } }"
FULL = """query($input: SearchInput!, $first: Int) { search(input: $input, first: $first) { nodes { rank score
    chunk { id index content tokenCount startOffset endOffset headings page meta }
    document { id fileName uri contentType fileSize contentHash status meta language title chunkCount downloadUrl createdAt updatedAt
        collection { id name } }
    highlights { text startOffset ranges { start end } } } } }"""

MODES = ["SEMANTIC", "LEXICAL", "HYBRID"]
FIRST = 10


def question(text, mode, collections=None, group="CHUNK"):
    """The variables of a search; without collections: everywhere that the account may read."""
    found = {"query": text, "mode": mode, "groupBy": group}
    return {"input": {**found, **({"collectionIds": collections} if collections else {})}, "first": FIRST}


def ranked(client, collection, text, mode):
    """The uris of the ten best documents."""
    hits = client.ask(RANKING, question(text, mode, [collection], "DOCUMENT"))["search"]["nodes"]
    return [hit["document"]["uri"] for hit in hits]


def uuid_of(global_id):
    return base64.urlsafe_b64decode(global_id + "=" * (-len(global_id) % 4)).decode().rpartition(":")[2]
