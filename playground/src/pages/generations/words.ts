/** Models and indexes in words. */
import type { EmbeddingModelState, GenerationRowFragment, ModelStateFragment } from "../../api/generated/graphql";
import { STRATEGIES } from "./chunking";

export function chunkingWords({ strategy, maxTokens, overlapTokens, parentMaxTokens, driftPercentile }: GenerationRowFragment["chunking"]): string {
  return [
    `by ${strategy === null ? "what each document is" : STRATEGIES[strategy]}`,
    `at most ${maxTokens} tokens`,
    `${overlapTokens} repeated`,
    parentMaxTokens !== null && `parts of at most ${parentMaxTokens}`,
    driftPercentile !== null && `${driftPercentile} of a hundred places drift less`,
  ].filter(Boolean).join(", ");
}

export function modelWords({ name, precision, isRemote }: Pick<ModelStateFragment, "name" | "precision" | "isRemote">): string {
  return [name, precision === "INT8" && "8-bit", isRemote && "on another server"].filter(Boolean).join(", ");
}

const MODEL_STATES: Record<EmbeddingModelState, [string, string]> = {
  INSTALLED: ["loaded when needed", "good"],
  LOADED: ["loaded", "good"],
  MISSING: ["not on this server", "warn"],
  UNAVAILABLE: ["its server does not answer", "warn"],
};

export const modelState = (state: EmbeddingModelState) => MODEL_STATES[state];

/** Tells the indexes of a collection apart: the active one, the one that is built, and retired ones by their age. */
export function generationWords({ state, embeddingModel, chunking }: GenerationRowFragment): string {
  const words = { ACTIVE: "Active", BUILDING: "New", RETIRED: "Retired" }[state];
  return `${words}: ${embeddingModel.name}, ${chunking.maxTokens} tokens`;
}
