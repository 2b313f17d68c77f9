"""What the generated `Client` stands on: gql's transports, with a valid token in each request.

ariadne-codegen copies this file into `docent_client/api`. Its own base client hides the errors of requests that the server
refuses with another status than 200; gql's transports keep them.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Self, cast

import gql
from aiohttp import ClientSession, ClientTimeout
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport
from pydantic_core import to_jsonable_python

from .base_model import UNSET, BaseModel

#: Longer than a request may take; the server gives up an execution after 30 seconds.
REQUEST_SECONDS = 40


class Connection:
    def __init__(self, url: str, token: Callable[[], Awaitable[str]] | None = None) -> None:
        """`url` is the server's: `http://127.0.0.1:8080`. Without a `token` the caller is anonymous."""
        self._endpoint = f"{url.rstrip('/')}/graphql"
        self._token = token
        self._transport = AIOHTTPTransport(self._endpoint)
        self._client = gql.Client(transport=self._transport, execute_timeout=REQUEST_SECONDS)

    async def __aenter__(self) -> Self:
        self._session = await self._client.connect_async()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close_async()

    async def authorization(self) -> dict[str, str]:
        return {"authorization": f"Bearer {await self._token()}"} if self._token else {}

    async def execute(
        self, query: str, operation_name: str | None = None, variables: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """The data of the answer. Raises gql's `TransportQueryError` if it has errors."""
        request = _request(query, operation_name, variables)
        headers = await self.authorization()
        return cast(dict[str, Any], await self._session.execute(request, extra_args={"headers": headers}))

    def get_data(self, response: dict[str, Any]) -> dict[str, Any]:
        return response

    async def execute_ws(
        self, query: str, operation_name: str | None = None, variables: dict[str, Any] | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """The results of a subscription, over a WebSocket of its own."""
        transport = AIOHTTPWebsocketsTransport(
            f"ws{self._endpoint.removeprefix('http')}",
            subprotocols=[AIOHTTPWebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
            init_payload=await self.authorization(),
        )
        async with gql.Client(transport=transport) as session:
            async for data in session.subscribe(_request(query, operation_name, variables)):
                yield data

    async def put(self, url: str, content: bytes) -> None:
        """Sends the content of an upload."""
        timeout = ClientTimeout(total=None, sock_read=REQUEST_SECONDS)
        async with ClientSession(headers=await self.authorization(), timeout=timeout) as session:
            async with session.put(url, data=content) as response:
                response.raise_for_status()


def _request(query: str, operation_name: str | None, variables: dict[str, Any] | None) -> gql.GraphQLRequest:
    values = {name: _json(value) for name, value in (variables or {}).items() if value is not UNSET}
    return gql.GraphQLRequest(query, variable_values=values, operation_name=operation_name)


def _json(value: object) -> Any:
    if isinstance(value, BaseModel):
        # What was not set is omitted, and what was set to None is null: `documentUpdate` tells them apart.
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return to_jsonable_python(value)
