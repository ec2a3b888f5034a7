// Rounds, medians, quartiles; and the helpers in processes of their own. Only ratios within one run count: the machine may be shared.
import { fork } from "node:child_process";
import { once } from "node:events";

/** A quick look: fewer pairs, smaller work, no document. */
export const QUICK = process.env.BENCH_QUICK === "1";

/** How many interleaved pairs a figure is the median of. */
export const PAIRS = QUICK ? 3 : 9;

/** `full` of something; a tenth of it for a quick look. */
export const some = (full) => (QUICK ? Math.ceil(full / 10) : full);

export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (at - low);
}

export const median = (values) => quantile(values, 0.5);

/** Median and quartiles. */
export const spread = (values) => ({
  median: median(values),
  low: quantile(values, 0.25),
  high: quantile(values, 0.75),
});

/** The ratio of each pair, `a` to `b`: median and quartiles. */
export const ratios = (a, b) => spread(a.map((value, index) => value / b[index]));

/** Runs each subject in turn, `pairs` times, and gives each one's figures by its name. */
export async function interleaved(subjects, pairs = PAIRS) {
  const figures = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  for (let pair = 0; pair < pairs; pair++) {
    for (const [name, subject] of Object.entries(subjects)) figures[name].push(await subject());
  }
  return figures;
}

/** One of the figures that each run gave. */
export const column = (figures, key) => figures.map((figure) => figure[key]);

/** Starts a script as a process; gives the first line it says, a question to ask it, and its end. */
export async function helper(script, ...args) {
  const child = fork(new URL(script, import.meta.url), args.map(String), {
    execArgv: ["--expose-gc"],
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const first = await Promise.race([once(child.stdout, "data"), once(child, "exit").then(() => undefined)]);
  if (first === undefined) throw new Error(`${script} ended before it was ready`);
  return {
    port: Number(String(first[0])),
    ask: (question) => answered(child, script, question),
    close: () => child.disconnect(),
  };
}

function answered(child, script, question) {
  return new Promise((resolve, reject) => {
    const settle = (answer) => {
      child.off("message", settle).off("exit", settle);
      if (answer?.error) reject(new Error(`${script}: ${answer.error}`));
      else if (typeof answer !== "object" || answer === null) reject(new Error(`${script} ended instead of answering`));
      else resolve(answer);
    };
    child.on("message", settle).on("exit", settle).send(question);
  });
}

/** Runs one job in a process made for it. */
export async function alone(job) {
  const worker = await helper("./worker.mjs");
  const figures = await worker.ask(job);
  worker.close();
  return figures;
}
