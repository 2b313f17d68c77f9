import { useEffect, useReducer } from "react";
import { absolute, relative } from "./words";

/** How long ago, with the exact time in its title. */
export function Time({ at }: { at: string }) {
  const [, tick] = useReducer((ticks: number) => ticks + 1, 0);
  useEffect(() => {
    const timer = setInterval(tick, 30_000);
    return () => { clearInterval(timer); };
  }, []);
  return <time dateTime={at} title={absolute(at)}>{relative(at)}</time>;
}
