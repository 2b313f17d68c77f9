import type { SourceKind } from "../../api/generated/graphql";
import type { Complaint } from "../../session/problem";
import { SelectField, TextArea, TextField } from "../../ui/Form";
import type { Start, Values } from "./location";
import { KIND_WORDS } from "./words";

interface PlaceFieldsProps {
  kind: SourceKind;
  start: Start;
  onStart: (start: Start) => void;
  values: Values;
  complaints: Complaint[];
}

const STARTS: [Start, string][] = [
  ["page", "A page, and those that it leads to"],
  ["sitemap", "The pages of a sitemap"],
  ["urls", "Only the pages of a list"],
];
const MONO = { className: "input mono", spellCheck: false, autoComplete: "off" } as const;

/** Where a source reads, and which of what is there. */
export function PlaceFields(props: PlaceFieldsProps) {
  return (
    <>
      <Place {...props} />
      <Files {...props} />
    </>
  );
}

function Place(props: PlaceFieldsProps) {
  switch (props.kind) {
    case "DIRECTORY": return <Directory {...props} />;
    case "WEB": return <Web {...props} />;
    case "BUCKET": return <Bucket {...props} />;
  }
}

function Directory({ values, complaints }: PlaceFieldsProps) {
  return (
    <TextField
      name="path"
      label="Directory on the server"
      {...MONO}
      required
      placeholder="/srv/papers"
      defaultValue={values.path}
      hint="An absolute path, in one of the directories that the server’s operator has opened (setting sources.directories)."
      complaints={complaints}
    />
  );
}

function Web({ start, onStart, values, complaints }: PlaceFieldsProps) {
  return (
    <>
      <SelectField name="start" label="Which pages" value={start} options={STARTS} onChange={onStart} />
      {start === "page" && (
        <>
          <TextField name="url" label="Its address" type="url" {...MONO} required placeholder="https://example.org/handbook/" defaultValue={values.url} hint="The site’s wishes for programs (robots.txt) are respected." complaints={complaints} />
          <TextField name="depth" label="Links to follow in a row" type="number" min={0} max={100} placeholder="3" defaultValue={values.depth} complaints={complaints} />
          <TextField name="prefix" label="Only addresses that begin with" {...MONO} placeholder="the address up to its last /" defaultValue={values.prefix} complaints={complaints} />
        </>
      )}
      {start === "sitemap" && <TextField name="sitemap" label="The sitemap’s address" type="url" {...MONO} required placeholder="https://example.org/sitemap.xml" defaultValue={values.sitemap} complaints={complaints} />}
      {start === "urls" && <TextArea name="urls" label="Addresses" {...MONO} required rows={5} placeholder={"https://example.org/\nhttps://example.org/about"} defaultValue={values.urls} hint="One a line, up to 1,000. No links are followed." complaints={complaints} />}
    </>
  );
}

function Bucket({ values, complaints }: PlaceFieldsProps) {
  return (
    <>
      <TextField name="bucket" label="Bucket" {...MONO} required placeholder="papers" defaultValue={values.bucket} complaints={complaints} />
      <TextField name="prefix" label="Folder in it" {...MONO} placeholder="all of it" defaultValue={values.prefix} complaints={complaints} />
      <TextField name="endpoint" label="Store" type="url" {...MONO} placeholder="AWS" defaultValue={values.endpoint} hint="The address of a store that speaks the protocol of S3, without a path." complaints={complaints} />
      <TextField name="region" label="Region" {...MONO} placeholder="us-east-1" defaultValue={values.region} complaints={complaints} />
      <TextField name="accessKeyId" label="Access key" {...MONO} placeholder="none: the bucket is open" defaultValue={values.accessKeyId} complaints={complaints} />
      <TextField
        name="secretAccessKey"
        label="Its secret"
        type="password"
        {...MONO}
        autoComplete="new-password"
        placeholder={values.accessKeyId && "as before"}
        hint={values.accessKeyId ? "Needed again when anything about the place changes." : "Stored encrypted. Nobody can read it again."}
        complaints={complaints}
      />
    </>
  );
}

/** Which files of the place, and up to which size. */
function Files({ kind, values, complaints }: PlaceFieldsProps) {
  const { file } = KIND_WORDS[kind];
  const isLimited = Boolean(values.include ?? values.exclude);
  return (
    <details open={isLimited}>
      <summary>Which {file}s</summary>
      <div className="stack pad">
        <TextArea name="include" label={`Only ${file}s like these`} {...MONO} rows={3} placeholder={kind === "WEB" ? "handbook/**" : "*.pdf\n*.md"} defaultValue={values.include} hint={`A pattern a line; empty: all ${file}s. * stands for characters of a name, ** for any number of directories.`} complaints={complaints} />
        <TextArea name="exclude" label="Without these" {...MONO} rows={3} placeholder={kind === "WEB" ? "print/**" : "drafts/**"} defaultValue={values.exclude} complaints={complaints} />
        {kind === "DIRECTORY" && (
          <label className="check"><input type="checkbox" name="hidden" defaultChecked={values.hidden !== undefined} /><span>Files and directories whose names begin with a dot, too</span></label>
        )}
        <TextField name="maxFileBytes" label={`Largest ${file}, in MiB`} type="number" min={0} step="any" placeholder={kind === "WEB" ? "10" : "100"} defaultValue={values.maxFileBytes} complaints={complaints} />
        {kind === "WEB" && (
          <>
            <TextField name="maxPages" label="Most pages in one sync" type="number" min={1} placeholder="1000" defaultValue={values.maxPages} complaints={complaints} />
            <TextField name="requestsPerMinute" label="Most requests in a minute" type="number" min={1} placeholder="60" defaultValue={values.requestsPerMinute} complaints={complaints} />
          </>
        )}
      </div>
    </details>
  );
}
