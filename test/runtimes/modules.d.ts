/** What table.mjs gives: Node 20 runs it as it is, so it is not TypeScript. */
declare module "*/table.mjs" {
  /** What a run of the suite left (reporter.mjs). */
  export interface Report {
    key: string;
    name: string;
    version: string;
    sample: boolean;
    errors: number;
    files: Record<string, { state: string; ms: number; tests: { name: string; state: string; ms: number }[] }>;
  }
  export function readReports(root: string, keys: readonly string[]): Report[];
  export function compare(root: string, reports: readonly Report[]): string[];
  export function table(root: string, reports: readonly Report[]): string;
}
