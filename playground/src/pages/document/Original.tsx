import { useQuery } from "@tanstack/react-query";
import { Suspense, lazy, useEffect, useState } from "react";
import type { DocumentPageQuery } from "../../api/generated/graphql";
import { download } from "../../api/ask";
import { Failed, Loading } from "../../ui/States";
import { size } from "../../ui/words";
import type { PassagePiece } from "./passages";

const PdfView = lazy(() => import("./PdfView"));

/** More than this many characters of a text make a page slow. */
const SHOWN = 400_000;

interface OriginalProps {
  document: NonNullable<DocumentPageQuery["document"]>;
  passage: PassagePiece | undefined;
}

/** The file as it was uploaded. What is a page elsewhere, HTML too, is shown as its text: nothing in it runs here. */
export default function Original({ document, passage }: OriginalProps) {
  const { downloadUrl, contentType } = document;
  const isPdf = contentType === "application/pdf";
  const isText = /^(text\/|application\/(json|xml|x-yaml))|^message\//.test(contentType);
  const { data, error, refetch } = useQuery({
    queryKey: ["original", downloadUrl, document.updatedAt],
    queryFn: ({ signal }) => download(downloadUrl ?? "", signal),
    enabled: downloadUrl !== null && (isPdf || isText),
    staleTime: Infinity,
    gcTime: 60_000,
  });
  if (!downloadUrl) return <p className="card pad muted">The original is not on the server.</p>;
  if (!isPdf && !isText) return <p className="card pad muted">Files of this kind can’t be shown here. Download it to open it in its program.</p>;
  if (error) return <div className="card"><Failed error={error} onRetry={() => void refetch()} /></div>;
  if (!data) return <Loading />;
  if (isPdf) return <Suspense fallback={<Loading />}><PdfView file={data} page={passage?.page ?? 1} /></Suspense>;
  return <PlainText file={data} />;
}

function PlainText({ file }: { file: Blob }) {
  const [data, setData] = useState<string>();
  useEffect(() => { void file.slice(0, SHOWN * 4).text().then(setData); }, [file]);
  if (data === undefined) return <Loading />;
  return (
    <>
      <pre tabIndex={0} aria-label="The original as text" className="original">{data.slice(0, SHOWN)}</pre>
      {data.length > SHOWN && <p className="muted small">Only the beginning of {size(file.size)} is shown.</p>}
    </>
  );
}
