/** Models and indexes in words. */
import type { EmbeddingModelState, GenerationRowFragment, ModelStateFragment } from "../../api/generated/graphql";

export function chunkingWords({ strategy, maxTokens, overlapTokens }: GenerationRowFragment["chunking"]): string {
  const by = strategy === null ? "by what each document is" : strategy === "MARKDOWN" ? "by Markdown structure" : "by paragraphs and sentences";
  return `${by}, at most ${maxTokens} tokens, ${overlapTokens} repeated`;
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
