/** PDF files, read by pdf.js in a worker of the app's own. */
import { type PDFDocumentProxy, getDocument, GlobalWorkerOptions } from "pdfjs-dist";
import PdfWorker from "pdfjs-dist/build/pdf.worker.min.mjs?worker&url";

export type { PDFDocumentProxy };

interface PolicyFactory {
  createPolicy: (name: string, rules: { createScriptURL: (url: string) => string }) => { createScriptURL: (url: string) => unknown };
}

/** The page's policy takes the address of a worker only from here. */
function trusted(url: string): string {
  const factory = (window as { trustedTypes?: PolicyFactory }).trustedTypes;
  return (factory?.createPolicy("docent", { createScriptURL: () => url }).createScriptURL("") ?? url) as string;
}

let worker: Worker | undefined;

export async function openPdf(file: Blob): Promise<PDFDocumentProxy> {
  worker ??= new Worker(trusted(new URL(PdfWorker, import.meta.url).href), { type: "module" });
  GlobalWorkerOptions.workerPort = worker;
  const data = new Uint8Array(await file.arrayBuffer());
  return getDocument({ data, useWasm: false, isEvalSupported: false, disableFontFace: false }).promise;
}
