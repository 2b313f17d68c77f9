"""Adds files to a new collection, follows how they are indexed, and searches them.

DOCENT_URL=http://127.0.0.1:8080 DOCENT_LOGIN=ada DOCENT_PASSWORD=… python examples/story.py QUESTION FILE…
"""

import asyncio
import json
import os
import sys
from datetime import datetime
from pathlib import Path

from docent_client import Docent
from docent_client.api import SearchInput


async def main(question: str, paths: list[Path]) -> None:
    url, login, password = (os.environ[name] for name in ("DOCENT_URL", "DOCENT_LOGIN", "DOCENT_PASSWORD"))
    async with Docent(url, login=login, password=password) as docent:
        collection_id = await docent.create_collection(f"Python {datetime.now().isoformat()}")
        operation_id = await docent.ingest(collection_id, await docent.upload(paths))

        events = []
        async for event in docent.follow(operation_id):
            file_name = event.document.file_name if event.document else ""
            print(f"{event.progress:3} % {event.kind.value} {file_name}", file=sys.stderr)
            events.append({"sequence": event.sequence, "kind": event.kind.value})

        pages = []
        async for page in docent.search(SearchInput(query=question, collection_ids=[collection_id]), page_size=2):
            for hit in page:
                print(f"{hit.rank:3}. {hit.document.file_name}: {' › '.join(hit.chunk.headings)}", file=sys.stderr)
            pages.append([{"rank": hit.rank, "fileName": hit.document.file_name} for hit in page])

    # What the tests look at.
    print(json.dumps({"events": events, "pages": pages}))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("give a question and files")
    asyncio.run(main(sys.argv[1], [Path(argument) for argument in sys.argv[2:]]))
