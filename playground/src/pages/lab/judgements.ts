/** What the user said of the answers to their questions. It stays in this browser. */
import { session } from "../../api/ask";
import { createStore } from "../../store";
import type { Grades } from "../../text/rankings";
import { type Judgements, judged } from "./qrels";

const keyOf = (username: string | undefined) => `docent:judgements:${username ?? ""}`;

let owner = session.state.get().username;
export const judgements = createStore<Judgements>(load(owner));

// Judgements name questions, which the next user of the browser must not see.
session.state.subscribe(() => {
  const { username } = session.state.get();
  if (username === owner) return;
  owner = username;
  judgements.set(load(owner));
});

/** Says that something helps (1) or does not (0) with a question; nothing takes it back. */
export function judge(question: string, id: string, grade: number | undefined): void {
  keep(judged(judgements.get(), question, id, grade));
}

/** Adds judgements to those that there are. */
export function addJudgements(added: Judgements): void {
  let all = judgements.get();
  for (const [question, grades] of Object.entries(added)) {
    for (const [id, grade] of Object.entries(grades)) all = judged(all, question, id, grade);
  }
  keep(all);
}

export function gradesOf(all: Judgements, question: string): Grades {
  return all[question] ?? {};
}

function keep(all: Judgements): void {
  judgements.set(all);
  try {
    localStorage.setItem(keyOf(owner), JSON.stringify(all));
  } catch {
    // Without storage they last as long as the page.
  }
}

function load(username: string | undefined): Judgements {
  try {
    return JSON.parse(localStorage.getItem(keyOf(username)) ?? "{}") as Judgements;
  } catch {
    return {};
  }
}
