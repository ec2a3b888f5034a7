/**
 * What is run for each mutant (test/mutation/run.mjs): tests of one group that need no socket.
 *
 * @module
 */
import process from "node:process";
import { defineConfig, type ViteUserConfig } from "vitest/config";

const TALK = ["told", "transaction", "modes", "chunking", "binarymime", "policies", "attacks", "session", "commands"];
const MORE = [
  "smtp",
  "content",
  "turns",
  "dialogue",
  "ledger",
  "shown",
  "starttls_alarm",
  "hostile/probes",
  "protocol/verdict",
];

const SESSIONS = [...TALK, ...MORE].map((name) => `test/${name}.test.ts`);

const GROUPS: Readonly<Record<string, string[]>> = {
  codec: ["test/protocol/*.test.ts"],
  fates: SESSIONS,
  dialogue: SESSIONS,
};

const config: ViteUserConfig = defineConfig({
  test: {
    include: GROUPS[process.env.MUTATION_GROUP ?? "codec"] ?? [],
    exclude: ["test/protocol/flood.test.ts"],
    setupFiles: ["test/support/fewer.ts"],
    env: { PROPERTY_RUNS: "20" },
    testTimeout: 5_000,
    // Modules are loaded once: the mutant is chosen as they run.
    isolate: false,
  },
});

export default config;
