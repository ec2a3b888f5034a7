/**
 * The plugin under every Nodemailer that it is for: `npm run test:nodemailers`. The newest is also a part of `npm test`.
 *
 * @module
 */
import { defineConfig, type ViteUserConfig } from "vitest/config";

/** The majors, and the packages that they are installed as. */
const MAJORS: Readonly<Record<string, string>> = {
  6: "nodemailer-6",
  7: "nodemailer-7",
  8: "nodemailer-8",
  9: "nodemailer-9",
  10: "nodemailer",
};

const config: ViteUserConfig = defineConfig({
  test: {
    projects: Object.entries(MAJORS).map(([major, name]) => ({
      resolve: { alias: [{ find: /^nodemailer(?=\/|$)/, replacement: name }] },
      test: {
        name: `Nodemailer ${major}`,
        include: ["test/nodemailers/*.test.ts"],
        env: { NODEMAILER_MAJOR: major },
        allowOnly: false,
        testTimeout: 20_000,
      },
    })),
  },
});

export default config;
