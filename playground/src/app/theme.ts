/** Light or dark: as the system says, unless the user chose. */
import { createStore } from "../store";

export type Theme = "system" | "light" | "dark";

const KEY = "docent:theme";

function load(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : "system";
  } catch {
    return "system";
  }
}

const chosen = createStore<Theme>(load());

export const theme = {
  ...chosen,
  choose(next: Theme) {
    chosen.set(next);
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // Without storage the choice lasts until the page is reloaded.
    }
    this.apply();
  },
  apply() {
    const { dataset } = document.documentElement;
    if (chosen.get() === "system") delete dataset.theme;
    else dataset.theme = chosen.get();
  },
};
