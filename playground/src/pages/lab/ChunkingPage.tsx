import { getRouteApi } from "@tanstack/react-router";
import { Suspense, lazy, useState } from "react";
import "./chunking.css";
import { type ChunkingPreviewInput, ModelsDocument, PreviewChunkingDocument } from "../../api/generated/graphql";
import { useAsk, useSession } from "../../app/queries";
import { Code, Lock, LARGE, SMALL } from "../../ui/Icon";
import { Empty, Failed, Loading } from "../../ui/States";
import { number } from "../../ui/words";
import { type Chunking, chunkingInput, chunkingOf, writeChunking } from "../generations/chunking";
import { ContentChoice } from "./ContentChoice";
import { type Content, SAMPLE, SAMPLE_NAME, contentInput } from "./content";
import { CutCard } from "./CutCard";
import { Cuts } from "./Cuts";
import { LabHead } from "./LabHead";

const UseInCode = lazy(() => import("../../code/UseInCode"));
const route = getRouteApi("/lab/chunking");

/** What a first visit compares. */
const FIRST = { a: "maxTokens=128", b: "strategy=SENTENCE&maxTokens=64" };
/** Passages that are shown of each. */
const SHOWN = 100;
/** What most models read, if the server does not say it. */
const MODEL_TOKENS = 254;

/** One text, cut in two ways. The address has all of it but texts that are too long for one. */
export function ChunkingPage() {
  const asked = route.useSearch();
  const navigate = route.useNavigate();
  const { username } = useSession();
  const [isCodeOpen, setCodeOpen] = useState(false);
  /** A text that is too long for the address. */
  const [long, setLong] = useState<string>();
  const models = useAsk(ModelsDocument, {}, { staleTime: 60_000 }).data?.embeddingModels;
  const read = (side: "a" | "b") => chunkingOf((name) => new URLSearchParams(asked[side] ?? FIRST[side]).get(name));
  const [a, b] = [read("a"), read("b")];
  const text = long ?? asked.text ?? SAMPLE;
  const isSample = !asked.doc && !asked.upload && text === SAMPLE;
  const input: ChunkingPreviewInput = {
    content: contentInput(asked, text),
    ...(!asked.doc && !asked.upload && { fileName: asked.file ?? (isSample ? SAMPLE_NAME : "text.txt") }),
    chunking: chunkingInput(a),
    other: chunkingInput(b),
    first: SHOWN,
  };
  const { data, error, isPlaceholderData, refetch } = useAsk(PreviewChunkingDocument, { input }, { enabled: username !== undefined, keepsPrevious: true, staleTime: 60_000 });
  const preview = data?.chunkingPreview;
  const [first, second] = preview?.chunkings ?? [];
  const most = (models?.[0]?.maxTokens ?? MODEL_TOKENS + 2) - 2;

  const set = (changes: Partial<typeof asked>) => {
    void navigate({ search: (before) => ({ ...before, ...changes }), replace: true, resetScroll: false });
  };
  const cut = (side: "a" | "b") => (chunking: Chunking) => { set({ [side]: writeChunking(chunking) }); };
  function choose(content: Content, longText?: string) {
    setLong(longText);
    set({ doc: undefined, upload: undefined, text: undefined, file: undefined, ...content });
  }

  return (
    <>
      <LabHead title="Two ways to cut · Lab" about="See where a text is cut into passages, by two ways side by side. Nothing is stored." />
      {!username ? (
        <div className="card"><Empty icon={<Lock {...LARGE} />} title="This needs an account"><p>Sign in to cut texts, files and documents.</p></Empty></div>
      ) : (
        <div className="stack">
          <ContentChoice content={asked} text={text} onChoose={choose} />
          <div className="sides">
            <CutCard side="A" chunking={a} most={most} cut={first} onChange={cut("a")} />
            <CutCard side="B" chunking={b} most={most} cut={second} onChange={cut("b")} />
          </div>
          {error ? (
            <div className="card"><Failed error={error} onRetry={() => void refetch()} /></div>
          ) : !preview || !first || !second ? (
            <div className="card"><Loading /></div>
          ) : (
            <>
              <div className="row wrap">
                <p className="muted small grow" role="status">
                  {number(preview.length)} characters{preview.isTruncated && ", which is the beginning of it"}: A makes {number(first.chunkCount)} passages and B {number(second.chunkCount)}.
                  {Math.max(first.chunkCount, second.chunkCount) > SHOWN && ` The first ${SHOWN} of each are shown.`} The same place of the text is at the same height; what a passage repeats is hatched.
                </p>
                <button type="button" className="btn s" onClick={() => { setCodeOpen(true); }}><Code {...SMALL} /> Use in code</button>
              </div>
              <Cuts a={first.chunks} b={second.chunks} isStale={isPlaceholderData} />
            </>
          )}
        </div>
      )}
      <Suspense>
        {isCodeOpen && <UseInCode title="Both ways in code" document={PreviewChunkingDocument} variables={{ input }} onClose={() => { setCodeOpen(false); }} />}
      </Suspense>
    </>
  );
}
