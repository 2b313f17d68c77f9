/**
 * Carries ids from one response to the next request: the collection that was just created and the operation that was just
 * started become the values of `$collectionId` and `$operationId` in the other tabs.
 */

import type { CreateCollectionMutation, IngestTextsMutation } from "../../api/generated/graphql";
import type { Partly } from "../partly";

/** The data of a response that ids are taken from, as far as it exists. */
export type CarriedAnswer = Partly<CreateCollectionMutation & IngestTextsMutation> | null | undefined;

/** The field of a response that each variable is taken from. */
const SOURCES = {
  collectionId: (data: CarriedAnswer) => data?.collectionCreate?.collection?.id,
  operationId: (data: CarriedAnswer) => data?.documentsIngest?.operation?.id,
};

type Name = keyof typeof SOURCES;
const NAMES = Object.keys(SOURCES) as Name[];

/** The ids found so far, newest last. The older ones show which values in the tabs may be replaced. */
export type CarriedIds = Partial<Record<Name, string[]>>;

const REMEMBERED = 20;

/** The ids after a response; the same object if the response has no new ones. */
export function learn(known: CarriedIds, data: CarriedAnswer): CarriedIds {
  let result = known;
  for (const name of NAMES) {
    const id = SOURCES[name](data);
    if (typeof id !== "string" || id === known[name]?.at(-1)) continue;
    result = { ...result, [name]: [...(known[name] ?? []), id].slice(-REMEMBERED) };
  }
  return result;
}

/**
 * The text of a tab's variables with the newest ids in it. Only variables that the query uses are touched, and of those
 * only what is missing, empty, a placeholder like `<from step 2>`, or an older id that was carried before. Text that is
 * not plain JSON is left alone.
 */
export function fillIn(known: CarriedIds, query: string, variables: string): string {
  let values: unknown;
  try {
    values = JSON.parse(variables.trim() || "{}");
  } catch {
    return variables;
  }
  if (typeof values !== "object" || values === null || Array.isArray(values)) return variables;

  const filled: Record<string, unknown> = { ...values };
  let changed = false;
  for (const name of NAMES) {
    const newest = known[name]?.at(-1);
    if (!newest || filled[name] === newest || !new RegExp(`\\$${name}\\b`).test(query)) continue;
    if (!isOurs(filled[name], known[name] ?? [])) continue;
    filled[name] = newest;
    changed = true;
  }
  return changed ? JSON.stringify(filled, null, 2) : variables;
}

function isOurs(value: unknown, carried: string[]): boolean {
  if (value === undefined || value === null || value === "") return true;
  return typeof value === "string" && (/^<.*>$/.test(value) || carried.includes(value));
}
