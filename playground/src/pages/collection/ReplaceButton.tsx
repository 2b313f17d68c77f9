import { useRef } from "react";
import { useFrame } from "../../app/useFrame";
import { addFiles } from "../../upload/jobs";

interface ReplaceProps {
  collection: { id: string; name: string };
  uri: string;
  className?: string;
}

/** Takes another file in the place of a document: it keeps its address in the collection. */
export function ReplaceButton({ collection, uri, className = "btn s" }: ReplaceProps) {
  const input = useRef<HTMLInputElement>(null);
  const { limits } = useFrame();
  return (
    <>
      <input
        ref={input}
        type="file"
        hidden
        aria-label={`A file in the place of ${uri}`}
        onChange={({ target }) => {
          const file = target.files?.[0];
          target.value = "";
          if (file && limits) addFiles(collection, [{ path: file.name, uri, file }], limits);
        }}
      />
      <button type="button" className={className} onClick={() => input.current?.click()}>Replace</button>
    </>
  );
}
