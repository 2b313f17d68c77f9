import { expect, test } from "vitest";
import { placeOf, problemOfRequest, problemOfUser } from "./problem";

test("a user error names its field by the end of its path", () => {
  const problem = problemOfUser([{ message: "This user name is taken.", path: ["input", "username"] }]);
  expect(problem?.complaints).toEqual([
    { message: "This user name is taken.", field: "username", path: ["input", "username"] },
  ]);
});

test("a user error of an entry names the list, and the place in it", () => {
  const [complaint] = problemOfUser([{ message: "This pattern is not valid.", path: ["location", "web", "include", "2"] }])?.complaints ?? [];
  expect(complaint?.field).toBe("include");
  expect(complaint && placeOf(complaint)).toBe(3);
  expect(placeOf({ message: "", path: ["name"] })).toBeUndefined();
});

test("no user errors are no problem", () => {
  expect(problemOfUser([])).toBeUndefined();
});

test.each([
  [{ code: "RATE_LIMITED", retryAfterMs: 41_200 }, "Too many requests. Try again in 42 seconds."],
  [{ code: "RATE_LIMITED", retryAfterMs: 150_000 }, "Too many requests. Try again in 3 minutes."],
  [{ code: "RATE_LIMITED" }, "what the server said"],
  [{ code: "UNAVAILABLE" }, "The server is too busy to answer. Try again in a moment."],
  [
    { code: "INTERNAL_SERVER_ERROR", requestId: "r1" },
    "Something went wrong in the server. See request r1 in its log.",
  ],
  [{ code: "FORBIDDEN" }, "what the server said"],
  [undefined, "what the server said"],
])("%o is put into words", (extensions, words) => {
  expect(problemOfRequest([{ message: "what the server said", extensions }]).message).toBe(words);
});

test("what can be tried again later is told from a refusal", () => {
  const isPassing = (code: string) => problemOfRequest([{ message: "", extensions: { code } }]).isPassing;
  expect(["RATE_LIMITED", "TIMEOUT", "UNAVAILABLE", "INTERNAL_SERVER_ERROR"].every(isPassing)).toBe(true);
  expect(["UNAUTHENTICATED", "BAD_USER_INPUT"].some(isPassing)).toBe(false);
});

test("an answer with neither data nor errors is a problem too", () => {
  expect(problemOfRequest().message).toBe("The server sent an empty response.");
});
