import { useFrame } from "../../app/useFrame";
import { LARGE, Upload } from "../../ui/Icon";
import { Empty } from "../../ui/States";
import { size } from "../../ui/words";
import { ChooseFiles } from "../../upload/ChooseFiles";
import { addFiles } from "../../upload/jobs";
import { sampleFiles } from "./samples";

interface DropBoxProps {
  collection: { id: string; name: string };
}

export function DropBox({ collection }: DropBoxProps) {
  const { limits } = useFrame();
  return (
    <div className="drop">
      <strong>Drop files or folders anywhere on this page</strong>
      <span className="muted">
        Text, Markdown, HTML, PDF, Word, PowerPoint, Excel, EPUB, e-mail, ZIP archives of them
        {limits && ` · up to ${size(limits.uploadBytes)} each`}
      </span>
      <div className="row wrap"><ChooseFiles collection={collection} /></div>
    </div>
  );
}

export function EmptyCollection({ collection, mayAdd }: DropBoxProps & { mayAdd: boolean }) {
  const { limits } = useFrame();
  if (!mayAdd) {
    return <div className="card"><Empty icon={<Upload {...LARGE} />} title="No documents yet"><p>Its owner and its editors can add some.</p></Empty></div>;
  }
  return (
    <div className="drop large">
      <Upload {...LARGE} />
      <h2>Drop files or folders here</h2>
      <span className="muted">
        Text, Markdown, HTML, PDF, Word, PowerPoint, Excel, EPUB, e-mail, ZIP archives of them
        {limits && ` · up to ${size(limits.uploadBytes)} each`}
      </span>
      <div className="row wrap"><ChooseFiles collection={collection} /></div>
      {limits && (
        <p className="muted">
          Or <button type="button" className="link" onClick={() => { addFiles(collection, sampleFiles(), limits); }}>try it with five short texts</button>
        </p>
      )}
    </div>
  );
}
