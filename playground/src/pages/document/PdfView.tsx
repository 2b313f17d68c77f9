import { useEffect, useRef, useState } from "react";
import { type PDFDocumentProxy, openPdf } from "./pdf";
import { Failed, Loading } from "../../ui/States";
import { number } from "../../ui/words";

/** The pages of a PDF, drawn when they come into view. */
export default function PdfView({ file, page }: { file: Blob; page: number }) {
  const [pdf, setPdf] = useState<PDFDocumentProxy>();
  const [error, setError] = useState<unknown>();

  useEffect(() => {
    let isOver = false;
    const opening = openPdf(file);
    opening.then(
      (opened) => { if (!isOver) setPdf(opened); },
      (reason: unknown) => { if (!isOver) setError(reason); },
    );
    return () => {
      isOver = true;
      opening.then((opened) => opened.destroy(), () => undefined);
    };
  }, [file]);

  if (error) return <div className="card"><Failed error={error} /></div>;
  if (!pdf) return <Loading />;
  return (
    <div className="pdf">
      {Array.from({ length: pdf.numPages }, (_, index) => <Page key={index} pdf={pdf} number={index + 1} isWanted={index + 1 === page} />)}
    </div>
  );
}

function Page({ pdf, number: index, isWanted }: { pdf: PDFDocumentProxy; number: number; isWanted: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [isNear, setNear] = useState(false);

  useEffect(() => {
    if (isWanted) box.current?.scrollIntoView({ block: "start" });
  }, [isWanted]);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new IntersectionObserver(([entry]) => { if (entry?.isIntersecting) setNear(true); }, { rootMargin: "800px" });
    observer.observe(element);
    return () => { observer.disconnect(); };
  }, []);

  useEffect(() => {
    if (!isNear) return;
    let cancel = () => {};
    let isOver = false;
    void pdf.getPage(index).then((page) => {
      const element = canvas.current;
      if (isOver || !element || !box.current) return;
      const { width } = page.getViewport({ scale: 1 });
      const scale = (box.current.clientWidth / width) * Math.min(devicePixelRatio, 2);
      const viewport = page.getViewport({ scale });
      element.width = viewport.width;
      element.height = viewport.height;
      const task = page.render({ canvas: element, viewport });
      cancel = () => { task.cancel(); };
      task.promise.catch(() => undefined);
    });
    return () => {
      isOver = true;
      cancel();
    };
  }, [isNear, pdf, index]);

  return (
    <div ref={box} className={`pdf-page ${isWanted ? "wanted" : ""}`}>
      <canvas ref={canvas} role="img" aria-label={`Page ${index} of ${pdf.numPages}`} />
      <span className="faint small">{number(index)}</span>
    </div>
  );
}
