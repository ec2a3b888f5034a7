/**
 * The package as its users get it: `npm run test:packages`. It is packed, installed by every package manager, compiled,
 * bundled, measured; docs/packages.md is made of what was found.
 *
 * @module
 */
import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/packages/*.run.ts"],
    globalSetup: "test/packages/setup.ts",
    allowOnly: false,
    passWithNoTests: false,
    // One file at a time: the times of bounds.run.ts are taken alone.
    fileParallelism: false,
    maxConcurrency: 2,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});

export default config;
