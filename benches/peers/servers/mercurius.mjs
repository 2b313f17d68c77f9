// mercurius on Fastify, with a compiled executor, over the tables of Docent. It has the duties that Docent has: it verifies the
// token, looks up session and account (and remembers them for a second), takes points out of a bucket, limits the
// depth of a document, reads only what the caller may see, and reads each level of a query in one statement. Its operations are
// topics in memory: whoever cancels one tells its listeners, and no table knows of it.
//
// Environment: DATABASE_URL, SIGNING_SECRET.

import { createVerifier } from "fast-jwt";
import Fastify from "fastify";
import mercurius from "mercurius";
import pg from "pg";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 20 });
const verify = createVerifier({
  key: process.env.SIGNING_SECRET,
  algorithms: ["HS256"],
  allowedIss: "docent",
  allowedAud: "docent-api",
});

/** The rows of a statement that the connection prepares under this name. */
async function rows(name, text, values) {
  return (await pool.query({ name, text, values })).rows;
}

const REMEMBERED_MS = 1000;
const known = new Map();

/** The account behind a token. */
async function authenticate(header) {
  const claims = verify(header.slice("Bearer ".length));
  const found = known.get(claims.sid);
  if (found && performance.now() - found.at < REMEMBERED_MS) return found.user;
  const [row] = await rows(
    "session",
    `SELECT users.id FROM sessions JOIN users ON users.id = sessions.user_id
     WHERE sessions.id = $1 AND users.id = $2 AND revoked_at IS NULL AND expires_at > now() AND is_active`,
    [claims.sid, claims.sub],
  );
  if (!row) throw new Error("This login has ended.");
  known.set(claims.sid, { at: performance.now(), user: row.id });
  return row.id;
}

const BURST = 1e9;
const buckets = new Map();

function charge(user, points) {
  const now = performance.now();
  const bucket = buckets.get(user) ?? { taken: 0, at: now };
  bucket.taken = Math.max(0, bucket.taken - ((now - bucket.at) * BURST) / 60_000) + points;
  bucket.at = now;
  buckets.set(user, bucket);
  if (bucket.taken > BURST) throw new Error("Too many requests.");
}

const schema = `
  type Query {
    collection(id: ID!): Collection
    collections(first: Int = 20): CollectionConnection!
  }
  type Mutation { operationCancel(input: OperationCancelInput!): OperationCancelPayload }
  input OperationCancelInput { operationId: ID! }
  type Subscription { operationEvents(operationId: ID!): OperationEvent! }
  type OperationCancelPayload { operation: Operation }
  type Operation { id: ID! }
  type OperationEvent { kind: String! at: String! }
  type CollectionConnection { nodes: [Collection!]! }
  type Collection { name: String! documents(first: Int = 20): DocumentConnection! }
  type DocumentConnection { nodes: [Document!]! }
  type Document {
    fileName: String! uri: String! contentType: String! fileSize: String! status: String! chunkCount: Int!
    chunks(first: Int = 20): ChunkConnection!
  }
  type ChunkConnection { nodes: [Chunk!]! }
  type Chunk { index: Int! content: String! }
`;

/** What the caller $1 may read, as a condition on rows of `collections`. */
const READABLE = `collections.status <> 'DELETING' AND (is_public OR EXISTS (SELECT 1 FROM collection_members
  WHERE collection_members.collection_id = collections.id AND user_id = $1))`;

const resolvers = {
  Query: {
    async collection(_, { id }, { user }) {
      const uuid = Buffer.from(id, "base64url").toString().split(":").at(-1);
      const text = `SELECT id, name FROM collections WHERE id = $2 AND ${READABLE}`;
      return (await rows("collection", text, [user, uuid]))[0] ?? null;
    },
    async collections(_, { first }, { user }) {
      const text = `SELECT id, name FROM collections WHERE ${READABLE} ORDER BY id DESC LIMIT $2`;
      return { nodes: await rows("collections", text, [user, first]) };
    },
  },
  Mutation: {
    async operationCancel(_, { input: { operationId: id } }, { pubsub }) {
      const operationEvents = { kind: "OPERATION_CANCELLED", at: new Date().toISOString() };
      await pubsub.publish({ topic: id, payload: { operationEvents } });
      return { operation: { id } };
    },
  },
  Subscription: {
    operationEvents: { subscribe: (_, { operationId }, { pubsub }) => pubsub.subscribe(operationId) },
  },
};

/** The lists below the objects of a level, all of one length. */
function pages(queries, found, parent) {
  const lists = new Map(queries.map(({ obj }) => [obj.id, []]));
  for (const row of found) lists.get(row[parent]).push(row);
  return queries.map(({ obj }) => ({ nodes: lists.get(obj.id) }));
}

const loaders = {
  Collection: {
    async documents(queries, { user }) {
      const text = `SELECT page.* FROM collections, LATERAL (
          SELECT id, collection_id, file_name AS "fileName", uri, content_type AS "contentType",
            file_size::text AS "fileSize", documents.status, chunk_count AS "chunkCount"
          FROM documents WHERE collection_id = collections.id ORDER BY id DESC LIMIT $3) AS page
        WHERE collections.id = ANY($2) AND ${READABLE} ORDER BY page.id DESC`;
      const ids = queries.map(({ obj }) => obj.id);
      return pages(queries, await rows("documents", text, [user, ids, queries[0].params.first]), "collection_id");
    },
  },
  Document: {
    async chunks(queries, { user }) {
      const text = `SELECT document_id, chunk_index AS index, content FROM chunks JOIN collections ON collections.id = collection_id
        WHERE collection_id = ANY($2) AND generation_id = generation AND document_id = ANY($3) AND chunk_index < $4 AND ${READABLE} ORDER BY chunk_index`;
      const collections = [...new Set(queries.map(({ obj }) => obj.collection_id))];
      const documents = queries.map(({ obj }) => obj.id);
      return pages(queries, await rows("chunks", text, [user, collections, documents, queries[0].params.first]), "document_id");
    },
  },
};

const app = Fastify();
app.register(mercurius, {
  schema,
  resolvers,
  loaders,
  jit: 1,
  queryDepth: 12,
  subscription: {
    keepAlive: 20_000,
    onConnect: async ({ payload }) => ({ user: await authenticate(payload.authorization ?? "") }),
  },
  async context(request) {
    const user = await authenticate(request.headers.authorization ?? "");
    charge(user, 1);
    return { user };
  },
});
console.log(`listening on ${await app.listen({ port: 0, host: "127.0.0.1" })}`);
