import { type SyntheticEvent, useState } from "react";
import { type GenerationRowFragment, ModelsDocument, ReindexDocument } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { refreshAll, useAsk } from "../../app/queries";
import { Dialog } from "../../ui/Dialog";
import { Complaints, SelectField } from "../../ui/Form";
import { say } from "../../ui/toasts";
import { useWork } from "../../ui/useWork";
import { chunkingInput, chunkingOf } from "./chunking";
import { CHUNKING_FIELDS, ChunkingFields } from "./ChunkingFields";
import { modelState, modelWords } from "./words";

interface ReindexDialogProps {
  collectionId: string;
  active: GenerationRowFragment;
  onClose: () => void;
}

/** Settings of a new index. Those that are not touched stay as the active index has them. */
export function ReindexDialog({ collectionId, active, onClose }: ReindexDialogProps) {
  const work = useWork();
  const { data } = useAsk(ModelsDocument, {});
  const [model, setModel] = useState(active.embeddingModel.name);
  const models = (data?.embeddingModels ?? []).map((each): [string, string] => [each.name, `${modelWords(each)} (${modelState(each.state)[0]})`]);
  // A collection can have a model that the server no longer has.
  const isKnown = models.some(([name]) => name === active.embeddingModel.name);
  const options: [string, string][] = isKnown ? models : [[active.embeddingModel.name, `${active.embeddingModel.name} (not on this server)`], ...models];

  function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const now = chunkingOf((name) => String(active.chunking[name as keyof typeof active.chunking] ?? ""));
    const chunking = chunkingOf((name) => form.get(name) as string | null);
    work.run(async () => {
      await change(ReindexDocument, {
        input: {
          collectionId,
          ...(model !== active.embeddingModel.name && { embeddingModel: model }),
          ...(Object.keys(chunking).length > 0 && { chunking: chunkingInput({ ...(!chunking.strategy && now), ...chunking }) }),
          ...(form.has("force") && { force: true }),
        },
      });
      refreshAll();
      say("A new index is being built. Searches use the present one until it is complete.");
      onClose();
    });
  }

  return (
    <Dialog title="Build a new index" onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <p className="muted">All documents are read again from their originals. Searches use the present index until the new one is complete, and can go back to it afterwards.</p>
        <SelectField name="embeddingModel" label="Model" value={model} options={options} onChange={setModel} complaints={work.complaints} />
        <ChunkingFields otherwise="As now" now={active.chunking} complaints={work.complaints} />
        <label className="check"><input type="checkbox" name="force" /><span>Also if nothing above changes: read all documents again</span></label>
        <Complaints of={work.complaints} except={["embeddingModel", ...CHUNKING_FIELDS]} />
        <div className="actions">
          <button type="button" className="btn" onClick={onClose}>Cancel</button>
          <button type="submit" className="btn p" disabled={work.isBusy}>Build it</button>
        </div>
      </form>
    </Dialog>
  );
}
