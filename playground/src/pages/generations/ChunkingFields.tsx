import { useState } from "react";
import type { ChunkingStrategy, GenerationRowFragment } from "../../api/generated/graphql";
import type { Complaint } from "../../session/problem";
import { SelectField, TextField } from "../../ui/Form";
import { STRATEGIES, STRATEGY_NAMES } from "./chunking";

/** The names of the fields, whose complaints are shown beside them. */
export const CHUNKING_FIELDS = ["strategy", "maxTokens", "overlapTokens", "parentMaxTokens", "driftPercentile"];

interface ChunkingFieldsProps {
  /** What is chosen if nobody says anything. */
  otherwise: string;
  /** What is so now. */
  now?: GenerationRowFragment["chunking"];
  complaints: Complaint[];
}

/** How documents are cut into passages. `chunkingOf` reads what was said. */
export function ChunkingFields({ otherwise, now, complaints }: ChunkingFieldsProps) {
  const [strategy, setStrategy] = useState<ChunkingStrategy | "">("");
  const shown = strategy || now?.strategy;
  const hint = (value: number | null | undefined) => (value ?? "as the server says").toString();
  return (
    <>
      <SelectField
        name="strategy"
        label="Cut by"
        value={strategy}
        options={[["", otherwise], ...STRATEGY_NAMES.map((name) => [name, STRATEGIES[name]] as const)]}
        onChange={setStrategy}
        complaints={complaints}
      />
      <TextField name="maxTokens" label="Most tokens in a passage" type="number" min={16} placeholder={hint(now?.maxTokens)} complaints={complaints} />
      <TextField name="overlapTokens" label="Tokens repeated from the passage before" type="number" min={0} placeholder={hint(now?.overlapTokens)} complaints={complaints} />
      {shown === "HIERARCHICAL" && (
        <TextField name="parentMaxTokens" label="Most tokens in a larger part" type="number" min={17} placeholder={hint(now?.parentMaxTokens)} complaints={complaints} />
      )}
      {shown === "SEMANTIC" && (
        <TextField name="driftPercentile" label="Places between sentences that drift less, in a hundred" type="number" min={50} max={99} placeholder={hint(now?.driftPercentile)} hint="The larger, the larger are passages." complaints={complaints} />
      )}
    </>
  );
}
