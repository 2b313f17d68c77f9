import { FileCode, FileIcon, FileSpreadsheet, FileText, Mail, SMALL } from "./Icon";
import { kind } from "./words";

const ICONS: Record<string, typeof FileIcon> = {
  PDF: FileText,
  Word: FileText,
  Text: FileText,
  Markdown: FileText,
  HTML: FileCode,
  JSON: FileCode,
  Excel: FileSpreadsheet,
  CSV: FileSpreadsheet,
  "E-mail": Mail,
};

export function FileKindIcon({ contentType, fileName }: { contentType: string; fileName: string }) {
  const Icon = ICONS[kind(contentType, fileName)] ?? FileIcon;
  return <Icon {...SMALL} className="faint" />;
}
