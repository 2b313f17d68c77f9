/** The part of an address behind the question mark: plain texts, of which unknown ones and empty ones are left out. */
export type Given = Record<string, unknown>;

export const parseSearch = (text: string): Given => Object.fromEntries(new URLSearchParams(text));

export function stringifySearch(search: Given): string {
  const entries = Object.entries(search).filter(([, value]) => value !== undefined && value !== "");
  const text = new URLSearchParams(entries.map(([key, value]) => [key, String(value)])).toString();
  return text && `?${text}`;
}

/** Reads the parameters that a page knows. Each may be absent. */
export function params<T extends object>(read: (given: Given) => T): (given: Given) => Partial<T> {
  return read;
}

export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function oneOf<T extends string>(value: unknown, allowed: readonly T[]): T | undefined {
  return allowed.find((candidate) => candidate === value);
}
