/**
 * What is run for each mutant (stryker.config.json): tests of the codec, the ledger and the fates that need no socket.
 *
 * @module
 */
import { defineConfig, type ViteUserConfig } from "vitest/config";

const SESSION = [
  "told",
  "transaction",
  "modes",
  "chunking",
  "binarymime",
  "policies",
  "attacks",
  "session",
  "commands",
];
const MORE = ["smtp", "content", "turns", "dialogue", "fate", "transcript"];

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/protocol/*.test.ts", ...[...SESSION, ...MORE].map((name) => `test/${name}.test.ts`)],
    exclude: ["test/protocol/flood.test.ts"],
    setupFiles: ["test/support/fewer.ts"],
    env: { PROPERTY_RUNS: "20" },
    testTimeout: 5_000,
  },
});

export default config;
