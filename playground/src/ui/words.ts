/** Numbers, sizes and times as people read them. */

export const number = (value: number) => value.toLocaleString("en");

export function count(value: number, one: string, many = `${one}s`): string {
  return `${number(value)} ${value === 1 ? one : many}`;
}

export function size(bytes: number | string): string {
  let value = Number(bytes);
  for (const unit of ["B", "KB", "MB", "GB"]) {
    if (value < 1000) return `${unit === "B" || value >= 100 ? Math.round(value) : value.toFixed(1)} ${unit}`;
    value /= 1000;
  }
  return `${value.toFixed(1)} TB`;
}

const STEPS: [number, string][] = [[60, "second"], [60, "minute"], [24, "hour"], [7, "day"], [4.35, "week"], [12, "month"]];

/** «3 minutes ago», «in 2 days». */
export function relative(instant: string | number, now = Date.now()): string {
  let value = (new Date(instant).getTime() - now) / 1000;
  if (Math.abs(value) < 10) return "just now";
  const format = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  for (const [step, unit] of STEPS) {
    if (Math.abs(value) < step) return format.format(Math.round(value), unit as Intl.RelativeTimeFormatUnit);
    value /= step;
  }
  return format.format(Math.round(value), "year");
}

export function absolute(instant: string | number): string {
  return new Date(instant).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
}

/** «4.2 s», «3 min 20 s». */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 1) return `${Math.max(1, Math.round(milliseconds))} ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const KINDS: Record<string, string> = {
  "application/pdf": "PDF",
  "application/json": "JSON",
  "application/rtf": "RTF",
  "application/zip": "ZIP",
  "application/epub+zip": "EPUB",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word",
  "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel",
  "application/vnd.oasis.opendocument.text": "OpenDocument",
  "message/rfc822": "E-mail",
  "text/csv": "CSV",
  "text/html": "HTML",
  "text/markdown": "Markdown",
  "text/plain": "Text",
};

/** What a file is, from its media type or else from its name. */
export function kind(contentType: string, fileName = ""): string {
  const type = contentType.split(";")[0]?.trim().toLowerCase() ?? "";
  const known = KINDS[type];
  if (known) return known;
  if (type.startsWith("image/")) return type.slice("image/".length).toUpperCase().replace("SVG+XML", "SVG");
  return /\.([a-z0-9]{1,6})$/i.exec(fileName)?.[1]?.toUpperCase() ?? "File";
}
