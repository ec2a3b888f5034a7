/**
 * The checker of the shape of `src/` (design, "Shape"): it reads what each file imports and names, and says what
 * breaks the rules. It takes texts, not paths, so that its own test can plant a fault.
 *
 * @module
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import ts from "typescript";

/** The texts of the sources by path, `/` between folders, from the top of the repository. */
export type Sources = ReadonlyMap<string, string>;

/**
 * The stair, from top to bottom. A file may import from its own tier (without cycles) and from those below; a folder
 * ends with `/`. `import type` may point upward: it is gone at run time.
 */
export const TIERS: readonly (readonly string[])[] = [
  ["mod.ts", "src/nodemailer/", "src/opentelemetry/", "src/workers/"],
  ["src/api.ts"],
  ["src/pool/"],
  ["src/smtp.ts", "src/client.ts"],
  [
    "session",
    "commands",
    "settings",
    "handshake",
    "authentication",
    "open",
    "connection",
    "envelope",
    "manual",
    "recipients",
    "transaction",
    "content",
    "framing",
    "told",
    "delivered",
    "withdraw",
    "overlap",
    "parts",
    "outcome",
    "limits",
    "mx",
    "stats",
  ].map(inSrc),
  ["watch", "turns", "dialogue", "owed", "cork", "breaks", "deadlines", "limited", "alarms"].map(inSrc),
  [...["message", "writer", "printf", "utf8", "transcript", "options", "checks", "extensions"].map(inSrc), "src/net/"],
  ["src/protocol/", "src/sasl/"],
  ["errors", "fate", "delivery", "events", "emit", "delivery_log", "printable", "version"].map(inSrc),
];

function inSrc(name: string): string {
  return `src/${name}.ts`;
}

/** The only places that may name the runtime's modules and `Buffer`. */
const RUNTIME = ["src/net/node.ts", "src/net/diagnostics.ts", "src/nodemailer/"];
/** The only places that may import a package, and which. */
const PACKAGES: ReadonlyMap<string, readonly string[]> = new Map([
  ["@opentelemetry/api", ["src/opentelemetry/"]],
  ["cloudflare:sockets", ["src/workers/mod.ts"]],
]);
/** Values to bytes and back: no I/O, no clock, no chance. */
const PURE = ["src/protocol/", "src/sasl/"];
const IMPURE = new Set(
  "setTimeout setInterval setImmediate queueMicrotask fetch WebSocket process performance Date Deno Bun console".split(
    " ",
  ),
);

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
}

interface Facts {
  readonly imports: readonly Import[];
  readonly names: ReadonlySet<string>;
  readonly topLevelAwait: boolean;
}

/** `mod.ts` and every TypeScript file under `src/`. */
export function readSources(root: string): Sources {
  const below = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `src/${name.replaceAll("\\", "/")}`);
  const paths = ["mod.ts", ...below.sort()].filter((path) => existsSync(join(root, path)));
  return new Map(paths.map((path) => [path, readFileSync(join(root, path), "utf8")]));
}

/** Everything that breaks the rules, a sentence each; none is the wish. */
export function violations(sources: Sources): string[] {
  const found: string[] = [];
  const edges = new Map<string, string[]>();
  for (const [path, text] of sources) {
    const facts = read(path, text);
    const targets = facts.imports.filter(({ specifier }) => specifier.startsWith("."));
    for (const { specifier } of facts.imports) {
      if (!specifier.startsWith(".")) found.push(...outside(path, specifier));
    }
    for (const { specifier, typeOnly } of targets) {
      const target = normalize(join(dirname(path), specifier)).replaceAll("\\", "/");
      if (!sources.has(target)) found.push(`${path} imports ${target}, which is not among the sources`);
      else if (typeOnly || tier(target) < 0) continue;
      else if (tier(target) < tier(path)) found.push(`${path} imports upward: ${target}`);
      else edges.set(path, [...(edges.get(path) ?? []), target]);
    }
    found.push(...named(path, facts));
  }
  return [...found, ...cycles(edges)];
}

/** Which step of the stair; a file that the table does not know is on none. */
function tier(path: string): number {
  return TIERS.findIndex((places) => within(path, places));
}

function within(path: string, places: readonly string[]): boolean {
  return places.some((place) => (place.endsWith("/") ? path.startsWith(place) : path === place));
}

function outside(path: string, specifier: string): string[] {
  if (within(path, PACKAGES.get(specifier) ?? [])) return [];
  if (!specifier.startsWith("node:")) return [`${path} imports a package: ${specifier}`];
  return within(path, RUNTIME) ? [] : [`${path} imports a module of the runtime: ${specifier}`];
}

function named(path: string, { names, topLevelAwait }: Facts): string[] {
  const found: string[] = [];
  if (tier(path) < 0) found.push(`${path} has no tier: add it to TIERS`);
  if (names.has("Buffer") && !within(path, RUNTIME)) found.push(`${path} names Buffer`);
  if (topLevelAwait) found.push(`${path} awaits at the top level, which makes require() of it fail`);
  if (!within(path, PURE)) return found;
  return [...found, ...[...names].filter((name) => IMPURE.has(name)).map((name) => `${path} is not pure: ${name}`)];
}

/** What a file imports and which identifiers it names, comments and strings left aside. */
function read(path: string, text: string): Facts {
  const imports: Import[] = [];
  const names = new Set<string>();
  let topLevelAwait = false;
  const visit = (node: ts.Node, inFunction: boolean): void => {
    const imported = importOf(node);
    if (imported !== undefined) imports.push(imported);
    if (ts.isIdentifier(node) && !isMemberOfValue(node)) names.add(node.text);
    if (!inFunction && isAwait(node)) topLevelAwait = true;
    ts.forEachChild(node, (child) => visit(child, inFunction || ts.isFunctionLike(node)));
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true), false);
  return { imports, names, topLevelAwait };
}

function isAwait(node: ts.Node): boolean {
  return ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier !== undefined);
}

/** `x.fetch` and `{ fetch: 1 }` are a member's name; `globalThis.fetch` is not. */
function isMemberOfValue(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) {
    return parent.name === node && parent.expression.getText() !== "globalThis";
  }
  return (
    (ts.isClassElement(parent) || ts.isTypeElement(parent) || ts.isPropertyAssignment(parent)) && parent.name === node
  );
}

function importOf(node: ts.Node): Import | undefined {
  if (ts.isImportDeclaration(node)) return textOf(node.moduleSpecifier, node.importClause?.isTypeOnly === true);
  if (ts.isExportDeclaration(node)) return textOf(node.moduleSpecifier, node.isTypeOnly);
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return textOf(node.argument.literal, true);
  if (!ts.isCallExpression(node)) return undefined;
  const called = node.expression.getText();
  const loads =
    node.expression.kind === ts.SyntaxKind.ImportKeyword || /(^|\.)(require|getBuiltinModule)$/.test(called);
  return loads ? textOf(node.arguments[0], false) : undefined;
}

function textOf(node: ts.Node | undefined, typeOnly: boolean): Import | undefined {
  return node !== undefined && ts.isStringLiteralLike(node) ? { specifier: node.text, typeOnly } : undefined;
}

/** Each circle of imports once, from where it was first met. */
function cycles(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const walk = (path: string, above: readonly string[]): void => {
    const since = above.indexOf(path);
    if (since >= 0) found.push(`a circle of imports: ${[...above.slice(since), path].join(" -> ")}`);
    if (since >= 0 || done.has(path)) return;
    for (const target of edges.get(path) ?? []) walk(target, [...above, path]);
    done.add(path);
  };
  for (const path of edges.keys()) walk(path, []);
  return found;
}
