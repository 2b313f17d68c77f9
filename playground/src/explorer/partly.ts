/**
 * What arrives of a saved operation's answer when people may have changed the operation before they ran it: any field may
 * be missing, and any may be null. Its names are still those of the schema, which the generated types hold to.
 */
export type Partly<T> = T extends readonly (infer E)[]
  ? readonly Partly<E>[]
  : T extends object
    ? { [K in keyof T]?: Partly<T[K]> | null }
    : T;
