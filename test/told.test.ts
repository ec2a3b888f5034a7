/** A failure told of one message: with its fates, and in words. */
import { describe, expect, test } from "vitest";
import {
  SmtpAbortError,
  SmtpArgumentError,
  SmtpAuthenticationError,
  SmtpConnectionError,
  SmtpError,
  SmtpFatalError,
} from "../src/errors.ts";
import { SmtpResponse } from "../src/protocol/reply.ts";
import type { Evidence } from "../src/protocol/verdict.ts";
import { toldOf } from "../src/told.ts";
import { told } from "./support/told.ts";

function evidence(replies: string[], handedOver = false, final?: string): Evidence {
  return {
    from: "a@x.example",
    recipients: ["b@y.example", "c@y.example"],
    reset: false,
    replies: replies.map((code) => new SmtpResponse(`${code} said`)),
    handedOver,
    finals: final === undefined ? [] : [new SmtpResponse(`${final} end`)],
  };
}

const LOST = new SmtpConnectionError("Server closed the connection", { retry: "later" });

describe("toldOf()", () => {
  test.each([
    ["nothing written", evidence([]), "the message was not sent: send it again later"],
    [
      "the end handed over",
      evidence(["250", "250", "250", "354"], true),
      "it may have been delivered, so find out before you send it again, to <b@y.example>, <c@y.example>",
    ],
    [
      "one refused",
      evidence(["250", "250", "550", "354"], true),
      "it may have been delivered, so find out before you send it again, to <b@y.example>, it was refused for <c@y.example>",
    ],
    [
      "one refused, one unsent",
      evidence(["250", "250", "550", "354"]),
      "it was refused for <c@y.example>, it was not sent to <b@y.example>",
    ],
  ])("toldOf() says in words what a lost connection means: %s", (_when, given, words) => {
    expect(toldOf(given, LOST, "collect").message).toBe(`Server closed the connection; ${words}`);
  });

  test("toldOf() names three of many", () => {
    const many = { ...evidence([], false), recipients: ["b", "c", "d", "e", "f"] };
    const error = toldOf({ ...many, handedOver: true, replies: [new SmtpResponse("250 ok")] }, LOST, "collect");
    expect(error.message).toContain("to <b>, <c>, <d> and 2 more");
  });

  test("toldOf() puts what the server said of the message before what broke the connection", () => {
    const error = toldOf(evidence(["250", "250", "550"]), LOST, "net-smtp") as SmtpError;
    expect(error).toBeInstanceOf(SmtpFatalError);
    const words = "Server refused recipient <c@y.example>: 550 said; nobody got the message";
    expect([error.message, error.cause]).toEqual([words, LOST]);
    expect(told(error)).toBe("b unsent, c refused 550");
  });

  test("toldOf() does not say that nobody got what the server took in spite of its refusals", () => {
    const error = toldOf(evidence(["250", "550", "550", "354"], true, "250"), LOST, "collect") as SmtpError;
    expect(told(error)).toBe("b unknown 250, c unknown 250");
    expect(error.message).toBe("Server took a message that it had refused: 250 end");
  });

  test("toldOf() says of a refusal without recipients what the server said, and no more", () => {
    const error = toldOf({ ...evidence(["250", "354"], true, "554"), recipients: [] }, LOST);
    expect(error.message).toBe("Server refused the message: 554 end");
  });

  test("toldOf() lets an abort be an abort, whatever the server said", () => {
    const error = toldOf(evidence(["250", "550", "550"]), new SmtpAbortError("Message was aborted"), "collect");
    expect(error).toMatchObject({ name: "AbortError", fate: "refused" });
  });

  test("toldOf() without a policy looks at the reply to the content alone", () => {
    expect(toldOf(evidence(["250", "550", "550"]), LOST)).toBeInstanceOf(SmtpConnectionError);
    expect(toldOf(evidence(["250", "250", "250", "354"], true, "554"), LOST)).toBeInstanceOf(SmtpFatalError);
  });

  test("toldOf() keeps an error that tells its fates, an argument error's class, and wraps what is foreign", () => {
    const own = new SmtpAuthenticationError("failed", { recipients: [{ address: "b", fate: "accepted" }] });
    expect(toldOf(evidence([]), own, "collect")).toBe(own);
    const argument = toldOf(evidence([]), new SmtpArgumentError("bad", { phase: "content" }), "collect");
    expect(argument).toBeInstanceOf(SmtpArgumentError);
    expect(argument).toMatchObject({
      phase: "content",
      message: "bad",
      recipients: [{ fate: "unsent" }, { fate: "unsent" }],
    });
    const foreign = new RangeError("out");
    const wrapped = toldOf(evidence([]), foreign, "collect");
    expect(wrapped).toBeInstanceOf(SmtpError);
    expect([wrapped.message, wrapped.cause]).toEqual(["out; the message was not sent", foreign]);
    expect(toldOf(evidence([]), "text", "collect").message).toBe("text; the message was not sent");
  });

  test("toldOf() tells one broken connection anew for each message", () => {
    const [first, second] = [toldOf(evidence([]), LOST, "collect"), toldOf(evidence([]), LOST, "collect")];
    expect(first).not.toBe(second);
    expect(LOST.recipients).toEqual([]);
  });

  test("toldOf() says unknown of a message whose recipients nobody knows", () => {
    const error = toldOf({ ...evidence(["250", "354"], true), recipients: [] }, LOST);
    expect(error).toMatchObject({ fate: "unknown", retry: "ask" });
    expect(error.message).toContain("it may have been delivered, so find out");
    expect(toldOf({ ...evidence(["250", "354"]), recipients: [] }, LOST)).toMatchObject({
      fate: "unsent",
      retry: "later",
    });
  });
});
