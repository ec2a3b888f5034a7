/**
 * The engine against real servers. `npm run test:servers` prepares them, runs this, and puts the table into docs/servers.md.
 *
 * @module
 */
import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/servers/*.run.ts"],
    reporters: ["default", "./test/servers/table.ts"],
    maxWorkers: 2,
    allowOnly: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

export default config;
