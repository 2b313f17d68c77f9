import { type PreviewSourceQuery, type PreviewedRowsFragment, PreviewSourceDocument, type SourceKind, type SourcePreviewInput } from "../../api/generated/graphql";
import { useAsk } from "../../app/queries";
import { Failed, Loading } from "../../ui/States";
import { count, number } from "../../ui/words";
import { KIND_WORDS, SKIP_WORDS } from "./words";

export type SourcePreview = NonNullable<PreviewSourceQuery["sourcePreview"]>;

const NOTHING: SourcePreviewInput = { sourceId: "" };

/** What a sync would do now. Nothing is changed by asking, and nothing is asked without an input. */
export function usePreview(input: SourcePreviewInput | undefined) {
  const { data, error, isFetching, refetch } = useAsk(PreviewSourceDocument, { input: input ?? NOTHING }, { enabled: input !== undefined });
  return { preview: data?.sourcePreview ?? undefined, error, isFetching, refetch };
}

interface PreviewProps {
  of: ReturnType<typeof usePreview>;
  kind: SourceKind;
}

export function Preview({ of: { preview, error, isFetching, refetch }, kind }: PreviewProps) {
  if (error) return <Failed error={error} onRetry={() => void refetch()} />;
  if (!preview || isFetching) return <Looking kind={kind} />;
  const { file, place } = KIND_WORDS[kind];
  const { found, unchanged, isComplete, added, changed, removed, skipped, skippedCount, needsConfirmation } = preview;
  const isNothing = added.count + changed.count + removed.count === 0;
  return (
    <section className="stack tight" aria-label="What a sync would do">
      <p>
        {found === 0 ? `There is no ${file} here that would become a document.` : `${count(found, file)} found.`}
        {isNothing && found > 0 && " All are as they were."}
      </p>
      {!isComplete && <p className="note">This is what was found at first glance. A sync goes on from here.</p>}
      <Files file={file} words="would be added" files={added} />
      <Files file={file} words="would be read again" files={changed} />
      <Files file={file} words="would be deleted" files={removed} />
      {unchanged > 0 && !isNothing && <p className="muted">{number(unchanged)} unchanged</p>}
      {skippedCount > 0 && (
        <details>
          <summary>{kind === "DIRECTORY" ? count(skippedCount, "file or directory", "files and directories") : count(skippedCount, file)} left out</summary>
          <ul className="uris" tabIndex={0}>
            {skipped.map(({ path, reason }) => <li key={path}><span className="mono break">{path}</span> <span className="muted">{SKIP_WORDS[reason]}</span></li>)}
          </ul>
        </details>
      )}
      {needsConfirmation && (
        <p className="note warn">More than half of the {file}s are gone. Perhaps the {place} is not what it was: nothing is deleted unless you say so.</p>
      )}
    </section>
  );
}

/** A site is asked page by page, which takes a while. */
function Looking({ kind }: { kind: SourceKind }) {
  return (
    <>
      {kind === "WEB" && <p className="muted">Its pages are being read, for ten seconds at most.</p>}
      <Loading rows={3} />
    </>
  );
}

function Files({ file, words, files: { count: files, uris } }: { file: string; words: string; files: PreviewedRowsFragment }) {
  if (files === 0) return null;
  return (
    <details>
      <summary>{count(files, file)} {words}</summary>
      <ul className="uris" tabIndex={0}>
        {uris.map((uri) => <li key={uri} className="mono break">{uri}</li>)}
        {files > uris.length && <li className="muted">and {number(files - uris.length)} more</li>}
      </ul>
    </details>
  );
}
