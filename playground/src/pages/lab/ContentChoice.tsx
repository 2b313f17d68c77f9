import { useDeferredValue, useEffect, useRef, useState } from "react";
import { Link } from "@tanstack/react-router";
import { DocumentToCutDocument, DocumentsToCutDocument } from "../../api/generated/graphql";
import { useAsk } from "../../app/queries";
import { Complaints, TextArea, TextField } from "../../ui/Form";
import { FileText, SMALL, Upload, X } from "../../ui/Icon";
import { useWork } from "../../ui/useWork";
import { type Content, IN_ADDRESS, uploadToCut } from "./content";

interface ContentChoiceProps {
  content: Content;
  text: string;
  /** With a text that is too long for the address, if there is one. */
  onChoose: (content: Content, longText?: string) => void;
}

type Kind = "text" | "file" | "document";
const KINDS = [["text", "A text"], ["file", "A file"], ["document", "A document"]] as const;

/** What is cut. */
export function ContentChoice({ content, text, onChoose }: ContentChoiceProps) {
  const [kind, setKind] = useState<Kind>(content.doc ? "document" : content.upload ? "file" : "text");
  return (
    <section className="card pad stack tight" aria-label="What is cut">
      <span role="group" aria-label="Kind" className="row wrap">
        {KINDS.map(([name, words]) => <button key={name} type="button" className="chip" aria-pressed={kind === name} onClick={() => { setKind(name); }}>{words}</button>)}
      </span>
      {kind === "text" && <TextChoice content={content} text={text} onChoose={onChoose} />}
      {kind === "file" && <FileChoice content={content} onChoose={onChoose} />}
      {kind === "document" && <DocumentChoice content={content} onChoose={onChoose} />}
    </section>
  );
}

const QUIET = 300;

function TextChoice({ content, text, onChoose }: ContentChoiceProps) {
  const [typed, setTyped] = useState(text);
  const [file, setFile] = useState(content.file ?? "");
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => { clearTimeout(timer.current); }, []);

  function change(nextText: string, nextFile: string) {
    setTyped(nextText);
    setFile(nextFile);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      const isLong = nextText.length > IN_ADDRESS;
      onChoose({ ...(!isLong && { text: nextText }), ...(nextFile.trim() && { file: nextFile.trim() }) }, isLong ? nextText : undefined);
    }, QUIET);
  }

  return (
    <div className="content-text">
      <TextArea name="text" label="Text" rows={5} spellCheck={false} value={typed} hint={typed.length > IN_ADDRESS ? "It is too long for the address of this page, and gone with it. Upload it as a file, or add it to a collection, to keep it." : undefined} onChange={({ target }) => { change(target.value, file); }} />
      <TextField name="file" label="Read as the file" autoComplete="off" spellCheck={false} placeholder="notes.md, main.rs" hint="Its ending says what kind of text it is." value={file} onChange={({ target }) => { change(typed, target.value); }} />
    </div>
  );
}

function FileChoice({ content, onChoose }: Omit<ContentChoiceProps, "text">) {
  const work = useWork();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <div className="row wrap">
        <button type="button" className="btn" disabled={work.isBusy} onClick={() => { input.current?.click(); }}><Upload {...SMALL} /> {work.isBusy ? "Being sent…" : "Choose a file"}</button>
        <span className="muted break">{content.upload ? (content.file ?? "Your file") : "It is sent to the server, and forgotten there after a while."}</span>
      </div>
      <input
        ref={input}
        type="file"
        hidden
        aria-label="The file to cut"
        onChange={({ target }) => {
          const chosen = target.files?.[0];
          if (chosen) work.run(async () => { onChoose({ upload: await uploadToCut(chosen), file: chosen.name }); });
          target.value = "";
        }}
      />
      <Complaints of={work.complaints} />
    </>
  );
}

function DocumentChoice({ content: { doc }, onChoose }: Omit<ContentChoiceProps, "text">) {
  const [text, setText] = useState("");
  const asked = useDeferredValue(text.trim());
  const { data: chosen } = useAsk(DocumentToCutDocument, { id: doc ?? "" }, { enabled: doc !== undefined, staleTime: 60_000 });
  const { data: found } = useAsk(DocumentsToCutDocument, { text: asked || null }, { enabled: doc === undefined, keepsPrevious: true });
  const document = doc === undefined ? undefined : chosen?.document;
  if (doc !== undefined) {
    return (
      <p className="row wrap">
        <FileText {...SMALL} />
        {document
          ? <Link to="/collections/$id/documents/$documentId" params={{ id: document.collection.id, documentId: doc }} search={{}} className="break">{document.fileName}</Link>
          : <span className="muted">A document</span>}
        <span className="muted">{document?.collection.name}</span>
        <button type="button" className="btn ghost s" onClick={() => { onChoose({}); }}><X {...SMALL} /> Another one</button>
      </p>
    );
  }
  const collections = (found?.collections?.nodes ?? []).filter(({ documents }) => documents.nodes.length > 0);
  return (
    <>
      <TextField name="document" label="Find a document by its name" type="search" autoComplete="off" value={text} onChange={({ target }) => { setText(target.value); }} />
      <ul className="documents-to-cut">
        {collections.flatMap(({ id: collectionId, name, documents }) => documents.nodes.map(({ id, fileName }) => (
          <li key={id}>
            <button type="button" className="item-button" onClick={() => { onChoose({ doc: id }); }}>
              <FileText {...SMALL} /> <span className="grow clip">{fileName}</span> <span key={collectionId} className="faint small clip">{name}</span>
            </button>
          </li>
        )))}
        {found && collections.length === 0 && <li className="muted">No document has such a name.</li>}
      </ul>
    </>
  );
}
