import { Link } from "@tanstack/react-router";
import { Fragment } from "react";
import { FileKindIcon } from "../../ui/FileKind";
import { Marked } from "../../ui/Marked";
import { ScorePicture } from "./ScorePicture";
import type { Asked, Hit } from "./question";

interface HitProps {
  hit: Hit;
  mode: Asked["mode"];
  constant: number;
  top: number;
  isSelected: boolean;
}

export function HitCard({ hit, mode, constant, top, isSelected }: HitProps) {
  const { rank, chunk, document } = hit;
  const path = chunk.headings.filter((heading) => heading !== document.title);
  return (
    <li className={`hit ${isSelected ? "sel" : ""}`}>
      <div className="rank num">{rank}</div>
      <div className="grow">
        <div className="crumb">
          <FileKindIcon contentType={document.contentType} fileName={document.fileName} />
          <Link
            from="/search"
            to="/search"
            search={(before) => ({ ...before, hit: chunk.id })}
            resetScroll={false}
            className="hit-link break"
            data-hit={chunk.id}
            aria-current={isSelected ? "true" : undefined}
          >
            {document.title ?? document.fileName}
          </Link>
          {path.map((heading, index) => <span key={index} className="break">› {heading}</span>)}
          {chunk.page !== null && <span>· page {chunk.page}</span>}
          <span className="faint">· {document.collection.name}</span>
        </div>
        <p className="excerpt"><Excerpt hit={hit} /></p>
      </div>
      <div className="why"><ScorePicture hit={hit} mode={mode} constant={constant} top={top} /></div>
    </li>
  );
}

/** Where words of the question are; without any, the passage from its beginning. */
export function Excerpt({ hit: { highlights, chunk } }: { hit: Hit }) {
  if (highlights.length === 0) return <>{withoutHeading(chunk.content)}</>;
  return highlights.map(({ text, ranges, startOffset }, index) => (
    <Fragment key={index}>
      {(index > 0 || startOffset > 0) && "… "}
      <Marked text={text} ranges={ranges} />
      {" "}
    </Fragment>
  ));
}

/** The headings of a Markdown passage are in the line above it already. */
function withoutHeading(text: string): string {
  return text.replace(/^(\s*#{1,6} .*\n)+\s*/, "").slice(0, 500) || text;
}
