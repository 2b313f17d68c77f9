"""Sessions, uploads, progress and search."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, Self, TypeVar
from urllib.parse import urljoin

from aiohttp import ClientError
from gql.transport.exceptions import TransportError, TransportQueryError

from .api import (
    Client,
    CollectionCreateInput,
    DocumentContentInput,
    DocumentIngestInput,
    DocumentsIngestInput,
    OperationEventKind,
    OperationEventsOperationEvents,
    Problem,
    SearchInput,
    SearchSearchNodes,
    SessionCreateInput,
    SessionRefreshInput,
    UploadCreateInput,
    UploadsCreateInput,
)

#: How long before its end an access token is replaced.
RESERVE = timedelta(seconds=60)
#: Connections in a row that may end without having brought an event.
FRUITLESS_CONNECTIONS = 20
#: The longest pause before a connection is made again, in seconds.
LONGEST_PAUSE = 5.0
#: After an event of these kinds, no other follows.
LAST_KINDS = {
    OperationEventKind.OPERATION_COMPLETED,
    OperationEventKind.OPERATION_FAILED,
    OperationEventKind.OPERATION_CANCELLED,
}


class InputError(Exception):
    """The server refused an input. Nothing was changed."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(f"{it.code.value} at input.{'.'.join(it.path)}: {it.message}" for it in problems))


class Payload(Protocol):
    @property
    def user_errors(self) -> Sequence[Problem]: ...


P = TypeVar("P", bound=Payload)
T = TypeVar("T")


class Docent:
    """A client of one server, for `async with`. It signs in with the first request, and again when that is necessary."""

    def __init__(self, url: str, *, login: str = "", password: str = "", api_key: str = "") -> None:
        """`url` is where the server is: `http://127.0.0.1:8080`, or with the path under which a proxy publishes it."""
        self._url = f"{url.rstrip('/')}/"
        self._login = SessionCreateInput(login=login, password=password)
        self._api_key = api_key
        self._tokens: _Tokens | None = None
        self._turn = asyncio.Lock()
        self._anonymous = Client(url)
        #: A method for each operation, with the credential of this client.
        self.api = Client(url, self.access_token)

    async def __aenter__(self) -> Self:
        await self._anonymous.__aenter__()
        await self.api.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.api.__aexit__()
        await self._anonymous.__aexit__()

    async def access_token(self) -> str:
        """What to send as `Authorization: Bearer …`."""
        if self._api_key:
            return self._api_key
        # One after the other, because a refresh token can be used once.
        async with self._turn:
            if self._tokens and self._tokens.expires_at - datetime.now(UTC) < RESERVE:
                self._tokens = await self._renew(self._tokens)
            if not self._tokens:
                self._tokens = _Tokens((await self._anonymous.session_create(self._login)).session_create)
            return self._tokens.access

    async def create_collection(self, name: str) -> str:
        """Creates a collection and returns its id."""
        payload = _accepted((await self.api.collection_create(CollectionCreateInput(name=name))).collection_create)
        return _present(payload.collection).id

    async def upload(self, paths: Sequence[Path]) -> list[str]:
        """Sends files and returns the ids of their uploads, in the same order."""
        files = [UploadCreateInput(file_name=path.name) for path in paths]
        payload = _accepted((await self.api.uploads_create(UploadsCreateInput(files=files))).uploads_create)
        sends = [
            self.api.put(urljoin(self._url, upload.url), path.read_bytes())
            for path, upload in zip(paths, payload.uploads, strict=True)
        ]
        await asyncio.gather(*sends)
        return [upload.id for upload in payload.uploads]

    async def ingest(self, collection_id: str, upload_ids: Sequence[str]) -> str:
        """Starts indexing and returns the id of the operation, for `follow`."""
        documents = [DocumentIngestInput(content=DocumentContentInput(upload_id=upload_id)) for upload_id in upload_ids]
        ingest = DocumentsIngestInput(collection_id=collection_id, documents=documents)
        payload = _accepted((await self.api.documents_ingest(ingest)).documents_ingest)
        return _present(payload.operation).id

    async def follow(self, operation_id: str, after: str | None = None) -> AsyncIterator[OperationEventsOperationEvents]:
        """The events of an operation to its end, each once, over as many connections as that takes."""
        lost, is_over = 0, False
        while not is_over and lost < FRUITLESS_CONNECTIONS:
            if lost > 0:
                await asyncio.sleep(min(0.125 * 2**lost, LONGEST_PAUSE))
            lost += 1
            try:
                async for result in self.api.operation_events(operation_id, after):
                    event = result.operation_events
                    lost, after, is_over = 1, event.cursor, event.kind in LAST_KINDS
                    yield event
            except TransportQueryError:
                # Where the server answers with errors, asking again does not help.
                raise
            except (TransportError, ClientError, OSError, TimeoutError):
                continue
        if not is_over:
            raise ConnectionError(f"no event of {operation_id} over {lost} connections in a row")

    async def search(self, search: SearchInput, page_size: int = 20) -> AsyncIterator[list[SearchSearchNodes]]:
        """The hits of a search, page by page. The next page is asked for when it is wanted."""
        after: str | None = None
        while True:
            page = _present((await self.api.search(search, page_size, after)).search)
            if page.nodes:
                yield page.nodes
            if not page.page_info.has_next_page:
                return
            after = page.page_info.end_cursor

    async def _renew(self, tokens: "_Tokens") -> "_Tokens | None":
        try:
            renewal = SessionRefreshInput(refresh_token=tokens.refresh)
            return _Tokens((await self._anonymous.session_refresh(renewal)).session_refresh)
        except (InputError, TransportQueryError):
            # The session has ended; only a new one helps.
            return None


class _TokenPayload(Payload, Protocol):
    @property
    def access_token(self) -> str | None: ...
    @property
    def refresh_token(self) -> str | None: ...
    @property
    def expires_at(self) -> datetime | None: ...


class _Tokens:
    def __init__(self, payload: _TokenPayload | None) -> None:
        payload = _accepted(payload)
        self.access = _present(payload.access_token)
        self.refresh = _present(payload.refresh_token)
        self.expires_at = _present(payload.expires_at)


def _accepted(payload: P | None) -> P:
    payload = _present(payload)
    if payload.user_errors:
        raise InputError(payload.user_errors)
    return payload


def _present(value: T | None) -> T:
    """A value that is null only if validation fails."""
    if value is None:
        raise ValueError("the payload lacks what it promises")
    return value
