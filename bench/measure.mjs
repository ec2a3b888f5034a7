// Pairs, medians, quartiles; and the helpers in processes of their own. Only ratios within one run count: the machine may be shared.
import { fork } from "node:child_process";

export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (at - low);
}

export const median = (values) => quantile(values, 0.5);

/** Runs both in turn, `pairs` times after one warm-up, and gives both lists of figures. */
export async function interleaved(pairs, a, b) {
  await a();
  await b();
  const figures = { a: [], b: [] };
  for (let pair = 0; pair < pairs; pair++) {
    figures.a.push(await a());
    figures.b.push(await b());
  }
  return figures;
}

/** Time and CPU of this process a piece of work takes, per item: { perSecond, cpu } with cpu in µs. */
export async function timed(items, work) {
  globalThis.gc?.();
  const cpuBefore = process.cpuUsage();
  const before = performance.now();
  await work();
  const elapsed = performance.now() - before;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { perSecond: (items / elapsed) * 1000, cpu: (user + system) / items, elapsed };
}

/** The ratio a/b of each pair: median and quartiles. */
export function ratios(a, b) {
  const each = a.map((value, index) => value / b[index]);
  return { median: median(each), low: quantile(each, 0.25), high: quantile(each, 0.75) };
}

/** Starts a helper script; gives its port, a question, and an end. */
export async function helper(script, ...args) {
  const child = fork(new URL(script, import.meta.url), args.map(String), {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const port = await new Promise((resolve, reject) => {
    child.stdout.once("data", (text) => resolve(Number(String(text))));
    child.once("exit", (code) => reject(new Error(`${script} ended with ${code}`)));
  });
  const ask = (question) => new Promise((resolve) => child.once("message", resolve).send(question));
  return { port, ask, close: () => child.disconnect() };
}
