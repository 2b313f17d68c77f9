/** A table that spreadsheets open; a value that they would take for a formula begins with an apostrophe. */
export function csv(rows: readonly (readonly (string | null | undefined)[])[]): string {
  const cell = (text: string) => `"${text.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
  return rows.map((row) => row.map((value) => cell(value ?? "")).join(",")).join("\r\n");
}
