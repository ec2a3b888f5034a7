/**
 * What an option can be, in words and as a test. The law here: the words say all that the test asks.
 *
 * @module
 */

/** What an option must be. */
export interface Check {
  /** In words. */
  readonly expected: string;
  /** True of a value that is. */
  readonly holds: (value: unknown) => boolean;
}

/** A function. */
export const FUNCTION: Check = { expected: "a function", holds: (value) => typeof value === "function" };
/** True or false. */
export const BOOLEAN: Check = { expected: "true or false", holds: (value) => typeof value === "boolean" };
/** A duration. */
export const MILLISECONDS: Check = {
  expected: "a number of milliseconds above 0",
  holds: (value) => typeof value === "number" && value > 0 && value <= Number.MAX_SAFE_INTEGER,
};
/** A duration that may be none. */
export const DURATION: Check = {
  expected: "a number of milliseconds, 0 for at once",
  holds: (value) => value === 0 || MILLISECONDS.holds(value),
};
/** A limit on octets; below 512 not even a line of RFC 5321 4.5.3.1.5 would pass. */
export const OCTETS: Check = {
  expected: "a whole number of octets from 512 to 1073741824",
  holds: (value) => Number.isInteger(value) && (value as number) >= 512 && (value as number) <= 2 ** 30,
};
/** A part of the whole. */
export const PART: Check = {
  expected: "a number from 0 to 1",
  holds: (value) => typeof value === "number" && value >= 0 && value <= 1,
};
/** How many. */
export const COUNT: Check = {
  expected: "a whole number from 1 to 1000",
  holds: (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 1_000,
};
/** A host name or something like it. */
export const NAME: Check = {
  expected: "a string without spaces or control characters",
  holds: (value) => typeof value === "string" && /^[^\s\p{Cc}]{1,1024}$/u.test(value),
};
/** A path. */
export const PATH: Check = {
  expected: "a path without NUL",
  holds: (value) => typeof value === "string" && value !== "" && !value.includes("\0"),
};
/** A string that is not empty. */
export const TEXT: Check = {
  expected: "a string that is not empty",
  holds: (value) => typeof value === "string" && value !== "",
};
/** Any string. */
export const ANY_TEXT: Check = { expected: "a string", holds: (value) => typeof value === "string" };
/** A secret, or what gives one. */
export const SECRET: Check = {
  expected: "a string that is not empty, or a function that gives one",
  holds: (value) => typeof value === "function" || TEXT.holds(value),
};
/** An object that is no array. */
export const OBJECT: Check = {
  expected: "an object",
  holds: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
};
/** An array. */
export const ARRAY: Check = { expected: "an array", holds: Array.isArray };
/** Where a transcript goes. */
export const OUTPUT: Check = {
  expected: "an object with write(text), or a function",
  holds: (value) => typeof value === "function" || typeof (value as { write?: unknown } | null)?.write === "function",
};
/** Who observes. */
export const OBSERVERS: Check = {
  expected: "a function, or an array of functions",
  holds: (value) => [value].flat().every((observer) => typeof observer === "function"),
};
/** An AbortSignal. */
export const SIGNAL: Check = { expected: "an AbortSignal", holds: (value) => value instanceof AbortSignal };
/** A socket, or what makes one. */
export const SOCKET: Check = {
  expected: "a connected socket, or a function that makes one",
  holds: (value) => typeof value === "function" || OBJECT.holds(value),
};

/** One of the values. */
export function oneOf(...values: readonly unknown[]): Check {
  return {
    expected: `one of ${values.map((value) => JSON.stringify(value)).join(", ")}`,
    holds: (value) => values.includes(value),
  };
}

/** How `recipientPolicy` is checked, there and wherever a message names its own. */
export const POLICY: Check = oneOf("net-smtp", "collect", "all-or-nothing");
