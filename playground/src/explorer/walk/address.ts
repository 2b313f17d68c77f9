import type { SavedOperation } from "./operations";

/** The operation in the part of an address behind `#`; nothing if there is none that can be read. */
export function operationOfAddress(hash: string): SavedOperation | undefined {
  const text = new URLSearchParams(hash.slice(1).replaceAll("+", "%2B")).get("op");
  if (!text) return undefined;
  try {
    const { query, variables } = JSON.parse(text) as { query?: unknown; variables?: unknown };
    if (typeof query !== "string" || typeof variables !== "string") return undefined;
    return { name: "", description: "", query, variables };
  } catch {
    return undefined;
  }
}
