/**
 * What is loaded at its first login behaves as if it had always been there.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { cramMd5 as loadedCramMd5 } from "../../src/sasl/cram_md5.ts";
import { cramMd5, oauthBearer, scram, xoauth2 } from "../../src/sasl/lazy.ts";
import { oauthBearer as loadedOauthBearer } from "../../src/sasl/oauthbearer.ts";
import { scram as loadedScram } from "../../src/sasl/scram.ts";
import { xoauth2 as loadedXoauth2 } from "../../src/sasl/xoauth2.ts";
import { credentials, talk } from "./talk.ts";

const CHALLENGE = "<1896.697170952@postoffice.reston.mci.net>";
const WHO = credentials("tim", "tanstaaftanstaaf");

test("cramMd5 says what it says when it is loaded", async () => {
  const said = await talk(cramMd5, WHO, [CHALLENGE, "more?"]);
  expect(said).toEqual([undefined, "tim b913a602c7eda7a495b4e6e7334d3890", "ended"]);
  expect(said).toEqual(await talk(loadedCramMd5, WHO, [CHALLENGE, "more?"]));
});

test.each([
  [oauthBearer, loadedOauthBearer],
  [xoauth2, loadedXoauth2],
])("those of tokens are what they are when they are loaded: $name", async (late, loaded) => {
  const { exchange: _, ...traits } = loaded;
  expect(late).toMatchObject(traits);
  expect(await talk(late, WHO, ["e30="])).toEqual(await talk(loaded, WHO, ["e30="]));
});

describe.each(["SHA-1", "SHA-256"] as const)("scram(%s)", (hash) => {
  test.each(["plus", "bare"] as const)("has the name of the loaded one: %s", (which) => {
    expect(scram(hash)[which].name).toBe(loadedScram(hash)[which].name);
  });

  test("says its first message, and judges the server's", async () => {
    const exchange = scram(hash).bare.exchange(WHO);
    expect((await exchange.next()).value).toMatch(/^n,,n=tim,r=[\w+/]{24}$/);
    await expect(exchange.next("r=another's,s=AAAA,i=4096")).rejects.toThrow(`Login by SCRAM-${hash} failed`);
  });

  test("plus needs a binding", async () => {
    await expect(scram(hash).plus.exchange(WHO).next()).rejects.toThrow("nothing was sent");
  });

  test("is ended by return(), begun or not", async () => {
    const [begun, fresh] = [scram(hash).bare.exchange(WHO), scram(hash).bare.exchange(WHO)];
    await begun.next();
    for (const exchange of [begun, fresh]) {
      await exchange.return(undefined);
      expect(await exchange.next("x")).toEqual({ done: true, value: undefined });
    }
  });
});
