import { createContext, use } from "react";
import type { CollectionPageQuery } from "../../api/generated/graphql";

export type Collection = NonNullable<CollectionPageQuery["collection"]> & { refetch: () => void };

export const CollectionContext = createContext<Collection | undefined>(undefined);

/** The collection that the page is about. */
export function useCollection(): Collection {
  const collection = use(CollectionContext);
  if (!collection) throw new Error("This page belongs to a collection.");
  return collection;
}
