// What grows with the number of recipients and of messages: round trips, time, CPU, memory. Each figure is of a process of its own.
import { alone, helper, median, QUICK } from "./measure.mjs";

const DELAY = 250;
const RUNS = QUICK ? 1 : 3;
const RECIPIENTS = [1, 100, 1_000, 5_000];
const MESSAGES = QUICK ? [1_000, 10_000] : [1_000, 10_000, 100_000];

/** The median of each figure of some runs. */
async function medians(job) {
  const runs = [];
  for (let run = 0; run < RUNS; run++) runs.push(await alone(job));
  return Object.fromEntries(Object.keys(runs[0]).map((key) => [key, median(runs.map((figures) => figures[key]))]));
}

async function recipientsOf(client, count, sink, proxy) {
  const job = { client, act: "sendTo", count, warm: 10, watch: "memory" };
  const near = await medians({ ...job, port: sink.port });
  const far = await alone({ ...job, port: proxy.port, warm: 2 });
  const trips = (far.elapsed - near.elapsed) / (2 * DELAY);
  return { client, count, trips, elapsed: near.elapsed, cpu: (near.cpu * count) / 1e3, growth: near.growth };
}

/** One message to ever more recipients; round trips are the time that a line of 500 ms adds: long, so that what else differs counts little. */
export async function recipients() {
  const sink = await helper("./sink.mjs");
  const proxy = await helper("./delay.mjs", sink.port, DELAY);
  const rows = [];
  for (const count of RECIPIENTS) {
    for (const client of ["netSmtp", "smtpConnection"]) rows.push(await recipientsOf(client, count, sink, proxy));
  }
  proxy.close();
  sink.close();
  return rows;
}

/** Ever more messages queued at once, each a function that makes its body when it is due. */
export async function messages() {
  const sink = await helper("./sink.mjs");
  const rows = [];
  for (const count of MESSAGES) {
    const job = { client: "netSmtp", port: sink.port, act: "queue", count, warm: 5_000, watch: "memory" };
    const { perSecond, cpu, growth, rss } = await medians(job);
    rows.push({ count, perSecond, cpu, growth, rss });
  }
  sink.close();
  return rows;
}
