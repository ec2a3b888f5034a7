/**
 * The campaign at its full size for CI, or larger: `CAMPAIGN=full`. The suite has a sample of it (test/campaign/size.ts).
 * `--mode compare` makes docs/campaign.md instead.
 *
 * @module
 */
import { defineConfig, type ViteUserConfigFnObject } from "vitest/config";

const config: ViteUserConfigFnObject = defineConfig(({ mode }) => ({
  test: {
    include: [mode === "compare" ? "test/campaign/compare.run.ts" : "test/campaign/*.test.ts"],
    env: { CAMPAIGN: process.env.CAMPAIGN ?? "ci" },
    allowOnly: false,
    maxWorkers: "100%",
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
}));

export default config;
