import { expect, test } from "vitest";
import { problemOfRequest, problemOfUser } from "./problem";

test("a user error names its field by the end of its path", () => {
  const problem = problemOfUser([{ message: "This user name is taken.", path: ["input", "username"] }]);
  expect(problem?.complaints).toEqual([{ message: "This user name is taken.", field: "username" }]);
});

test("no user errors are no problem", () => {
  expect(problemOfUser([])).toBeUndefined();
});

test.each([
  [{ code: "RATE_LIMITED", retryAfterMs: 41_200 }, "Too many attempts. Try again in 42 seconds."],
  [{ code: "RATE_LIMITED" }, "Too many attempts. Try again in a while."],
  [{ code: "UNAVAILABLE" }, "The server is too busy to answer. Try again in a moment."],
  [
    { code: "INTERNAL_SERVER_ERROR", requestId: "r1" },
    "Something went wrong in the server. Its log has more under request r1.",
  ],
  [{ code: "FORBIDDEN" }, "what the server said"],
  [undefined, "what the server said"],
])("%o is put into words", (extensions, words) => {
  expect(problemOfRequest([{ message: "what the server said", extensions }]).message).toBe(words);
});

test("an answer with neither data nor errors is a problem too", () => {
  expect(problemOfRequest().message).toBe("The server sent an empty answer.");
});
