import { useState } from "react";
import { CopyButton } from "../ui/CopyButton";
import { ExternalLink, SMALL } from "../ui/Icon";
import { LANGUAGES, type Language, type Request, endpoint, explorerLink, snippet } from "./snippets";
import "./code.css";

/** A request in four languages, to copy or to open in the explorer. */
export function CodeTabs({ request }: { request: Request }) {
  const [language, setLanguage] = useState<Language>("GraphQL");
  const code = snippet(language, request, endpoint());
  return (
    <div className="code">
      <div className="row wrap">
        <span role="group" aria-label="Language" className="row wrap">
          {LANGUAGES.map((name) => (
            <button key={name} type="button" className="chip" aria-pressed={name === language} onClick={() => { setLanguage(name); }}>{name}</button>
          ))}
        </span>
        <span className="grow" />
        <CopyButton text={code} />
        {/* The explorer is signed in as this window is. */}
        <a className="btn s" href={explorerLink(request)} target="_blank" rel="opener"><ExternalLink {...SMALL} /> Open in Explorer</a>
      </div>
      <pre tabIndex={0} aria-label={`${language} code`}><code>{code}</code></pre>
    </div>
  );
}
