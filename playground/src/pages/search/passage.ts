import type { PassageQuery } from "../../api/generated/graphql";

type Node = PassageQuery["node"];
/** A node with fields is a passage; other kinds of nodes have none selected. */
export type Passage = Extract<NonNullable<Node>, { id: string }>;
export type PassageNeighbour = NonNullable<Passage["previous"]>;

export function passageOf(node: Node | undefined): Passage | undefined {
  return node && "id" in node ? (node as Passage) : undefined;
}
