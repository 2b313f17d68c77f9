import type { SourceKind } from "../../api/generated/graphql";
import { Database, FolderOpen, Globe, SMALL } from "../../ui/Icon";

export function KindIcon({ kind }: { kind: SourceKind }) {
  switch (kind) {
    case "DIRECTORY": return <FolderOpen {...SMALL} />;
    case "WEB": return <Globe {...SMALL} />;
    case "BUCKET": return <Database {...SMALL} />;
  }
}
