/** What is written in one tick leaves together. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Cork } from "../src/cork.ts";

const utf8 = new TextEncoder();

function held(cork: Cork): string[] {
  return cork.take().map((bytes) => new TextDecoder().decode(bytes));
}

describe("Cork", () => {
  test("text() and bytes() leave in order, small ones in one buffer", () => {
    const cork = new Cork(() => undefined);
    expect(cork.empty).toBe(true);
    cork.text("MAIL\r\n");
    cork.text("RCPT\r\n");
    cork.bytes(utf8.encode("x\r\n"));
    cork.text("QUIT\r\n");
    expect([cork.empty, cork.octets]).toEqual([false, 21]);
    expect(held(cork)).toEqual(["MAIL\r\nRCPT\r\nx\r\nQUIT\r\n"]);
    expect([cork.empty, cork.octets, cork.take()]).toEqual([true, 0, []]);
  });

  test("take() does not copy what is large", () => {
    const cork = new Cork(() => undefined);
    const large = new Uint8Array(1_000_000);
    cork.text("a");
    cork.bytes(large);
    const parts = cork.take();
    expect(parts).toHaveLength(2);
    expect(parts[1]).toBe(large);
  });

  test("the pull comes once, at the end of the tick, and again in another", async () => {
    let pulls = 0;
    const cork = new Cork(() => {
      pulls++;
      cork.take();
    });
    cork.text("a");
    cork.text("b");
    expect(pulls).toBe(0);
    await Promise.resolve();
    expect(pulls).toBe(1);
    cork.bytes(utf8.encode("c"));
    await Promise.resolve();
    expect(pulls).toBe(2);
  });

  test("take() gives the octets that were put in, whatever the text", () => {
    const part = fc.oneof(fc.string({ unit: "grapheme" }), fc.uint8Array({ maxLength: 40 }));
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const cork = new Cork(() => undefined);
        for (const given of parts) typeof given === "string" ? cork.text(given) : cork.bytes(given);
        const expected = parts.flatMap((given) => [...(typeof given === "string" ? utf8.encode(given) : given)]);
        expect(cork.take().flatMap((bytes) => [...bytes])).toEqual(expected);
      }),
    );
  });
});
