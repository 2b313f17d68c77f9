/** Figures of the Lab as people read them; a dash for those that there are not. */

const or = (write: (value: number) => string) => (value: number | undefined) => (value === undefined ? "–" : write(value));

export const percent = or((part) => `${Math.round(part * 100)} %`);
export const decimal = or((value) => value.toFixed(2).replace("-", "−"));
export const milliseconds = or((value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`);
