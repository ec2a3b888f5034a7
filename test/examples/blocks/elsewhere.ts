/**
 * Runs a shell block with the runtimes it names: the package as npm would install it, the files of its section, a server of
 * this process in place of the documentation's.
 *
 * @module
 */

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import ts from "typescript";
import { root } from "./extract.ts";

const OPTIONS: ts.CompilerOptions = {
  module: ts.ModuleKind.ESNext,
  target: ts.ScriptTarget.ES2023,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
};

/** Compiles every .ts file of the folders and files named, one by one, into another folder; nothing is checked. */
export async function compile(into: string, ...paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const inside = path.endsWith(".ts") ? [""] : await readdir(join(root, path), { recursive: true });
    for (const file of inside.filter((name) => name === "" || name.endsWith(".ts"))) {
      const source = join(path, file);
      const { outputText } = ts.transpileModule(await readFile(join(root, source), "utf8"), {
        compilerOptions: OPTIONS,
      });
      const to = join(into, source.replace(/\.ts$/, ".js"));
      await mkdir(dirname(to), { recursive: true });
      await writeFile(to, outputText);
    }
  }
}

/** A folder in which shell blocks are run. */
export interface Workshop {
  /** Runs a script in a new project that has these files; gives its output. Fails as the script does. */
  run(script: string, files: ReadonlyMap<string, string>, port: number): Promise<string[]>;
  close(): Promise<void>;
}

/** Makes the package, as it is published, and a place for projects that use it. */
export async function workshop(): Promise<Workshop> {
  const folder = await mkdtemp(join(tmpdir(), "net-smtp-docs-"));
  const installed = join(folder, "net-smtp");
  await compile(join(installed, "dist"), "mod.ts", "src");
  // Installers take a folder for one that is worked on, and would install what that needs.
  const {
    devDependencies: _,
    scripts: __,
    ...manifest
  } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  await writeFile(join(installed, "package.json"), JSON.stringify(manifest));
  let projects = 0;
  return {
    close: () => rm(folder, { recursive: true, force: true }),
    run: async (script, files, port) => {
      const project = join(folder, `project-${++projects}`);
      await mkdir(project);
      await writeFile(join(project, "package.json"), '{ "name": "project", "private": true }');
      for (const [name, code] of files) await writeFile(join(project, name), overThere(code, port));
      return await shell(installing(overThere(script, port), installed), project);
    },
  };
}

/** The documentation's server is the test's: by its name, since a permission can be for that name. */
function overThere(text: string, port: number): string {
  return text.replaceAll("smtp.example.com", "localhost").replaceAll(/\b587\b/g, `${port}`);
}

/** Nothing is published yet: what a registry would give is given as a folder. */
function installing(script: string, installed: string): string {
  const imports = JSON.stringify({
    imports: {
      "@net-smtp/net-smtp": join(root, "mod.ts"),
      "@net-smtp/net-smtp/nodemailer": join(root, "src/nodemailer/mod.ts"),
    },
  });
  return script
    .replaceAll(/^npm install net-smtp( nodemailer)?/gm, (_, peer) => {
      const link = peer ? `\nln -s ${join(root, "node_modules/nodemailer")} node_modules/` : "";
      return `npm install --offline --no-audit --no-fund --install-links ${installed}${link}`;
    })
    .replaceAll(/^bun add net-smtp/gm, `bun add ${installed}`)
    .replaceAll(/^deno add jsr:@net-smtp\/net-smtp.*$/gm, `printf '%s' '${imports}' >deno.json`);
}

function shell(script: string, cwd: string): Promise<string[]> {
  const { npm_config_user_agent: _, ...inherited } = process.env;
  const PATH = [join(root, "node_modules/.bin"), dirname(process.execPath), inherited.PATH].join(delimiter);
  const env = { ...inherited, PATH, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", DENO_DIR: join(cwd, ".deno") };
  return new Promise((resolve, reject) => {
    execFile("sh", ["-e", "-c", script], { cwd, env, timeout: 60_000 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${script}\n${stdout}${stderr}`, { cause: error }));
      else resolve(stdout.trimEnd().split("\n"));
    });
  });
}
