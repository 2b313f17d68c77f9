/** Whether somebody was signed in with this browser before. */
const KEY = "docent:visited";

export function isFirstVisit(): boolean {
  try {
    return localStorage.getItem(KEY) === null;
  } catch {
    return false;
  }
}

export function rememberVisit(): void {
  try {
    localStorage.setItem(KEY, "1");
  } catch {
    // The next visit is a first one again.
  }
}
