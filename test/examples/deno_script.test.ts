/** examples/deno_script.ts: started by its first line, with the permissions that stand there. */

import { execFile } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type RunningServer, startSmtpServer } from "../support/server.ts";
import { root } from "./blocks/extract.ts";

let server: RunningServer;
let folder: string;

beforeEach(async () => {
  server = await startSmtpServer({ users: { me: "secret" } });
  folder = await mkdtemp(join(tmpdir(), "net-smtp-script-"));
});

afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** The script as its user has it: his server in it, executable. Gives its exit code and output. */
async function run(to: string[], input: string, env: Record<string, string> = {}): Promise<[number, string, string]> {
  const script = join(folder, "deno_script.ts");
  const text = await readFile(join(root, "examples/deno_script.ts"), "utf8");
  const own = text
    .replaceAll("smtp.example.com:587", `localhost:${server.port}`)
    .replaceAll('"smtp.example.com", 587', `"localhost", ${server.port}`)
    .replaceAll("../mod.ts", pathToFileURL(join(root, "mod.ts")).href);
  await writeFile(script, own);
  await chmod(script, 0o755);
  const PATH = [join(root, "node_modules/.bin"), process.env.PATH].join(delimiter);
  return await new Promise((resolve) => {
    const options = { cwd: folder, env: { ...process.env, NO_COLOR: "1", ...env, PATH } };
    const child = execFile(script, ["from@example.com", ...to], options, (error, stdout, stderr) => {
      resolve([error ? Number(error.code) : 0, stdout, stderr]);
    });
    child.stdin?.end(input);
  });
}

describe("examples/deno_script.ts", () => {
  test("sends its input, logged in, and gives 0", async () => {
    const login = { SMTP_USER: "me", SMTP_PASS: "secret" };
    const [code, out, err] = await run(["a@example.com", "b@example.com"], "one\n.two\n", login);
    expect([code, out, err]).toEqual([
      0,
      "a@example.com accepted 250 Stored as 1\nb@example.com accepted 250 Stored as 1\n",
      "",
    ]);
    const [{ raw, to, user }] = server.messages as [RunningServer["messages"][0]];
    expect([to, user]).toEqual([["a@example.com", "b@example.com"], "me"]);
    expect(raw.toString()).toBe(
      "From: from@example.com\r\nTo: a@example.com, b@example.com\r\nSubject: Output\r\n\r\none\r\n.two\r\n",
    );
  }, 60_000);

  test("gives 1 where it did not go to all, without a login too", async () => {
    const [code, out] = await run(["a@example.com", "refuse-550@example.com"], "x\n");
    expect([code, out]).toEqual([
      1,
      "a@example.com accepted 250 Stored as 1\nrefuse-550@example.com refused 550 No such user\n",
    ]);
  }, 60_000);
});
