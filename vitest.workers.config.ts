/**
 * The engine in workerd, the runtime of Cloudflare Workers: `npm run test:workers`, which first installs miniflare and esbuild
 * into test/workers/. What of the adapter runs anywhere is tested with the suite.
 *
 * @module
 */
import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/workers/*.run.ts"],
    allowOnly: false,
    passWithNoTests: false,
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});

export default config;
