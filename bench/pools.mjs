// Pool against pool through `nodemailer.sendMail`: what an application sees. Ratios of interleaved pairs, each beside the ceiling:
// Nodemailer's own layer, drained into nothing. `npm run bench:pool` builds, runs it, and writes docs/benchmark-pool.md.
// BENCH_QUICK=1: a quick look, which writes nothing.
import { readFileSync, writeFileSync } from "node:fs";
import { arch, cpus, platform } from "node:os";
import { column, helper, interleaved, median, PAIRS, QUICK, ratios, some } from "./measure.mjs";
import { markdown, plainText } from "./report.mjs";

const DELAY = 10;

/** `count` messages a run; a target is the issue's. `inFlight`: what the option of ours is set to, Nodemailer has none. */
const CASES = [
  { mail: "raw", connections: 1, count: 8_000, target: 2.3 },
  { mail: "raw", connections: 5, count: 8_000, target: 2.3 },
  { mail: "raw", connections: 1, line: DELAY, count: 100, target: 1.9 },
  { mail: "raw", connections: 5, line: DELAY, count: 500, target: 1.9 },
  { mail: "composed", connections: 1, count: 3_000, target: 1.25 },
  { mail: "composed", connections: 5, count: 3_000, target: 1.25 },
  { mail: "composed", connections: 1, chunking: true, inFlight: 16, count: 3_000, target: 1.5 },
  { mail: "composed", connections: 5, chunking: true, inFlight: 16, count: 3_000, target: 1.5 },
  { mail: "composed", connections: 1, chunking: true, count: 3_000, target: 1.5 },
  { mail: "composed", connections: 5, chunking: true, count: 3_000, target: 1.5 },
];

/** Before the first round: what is measured is a process that has sent mail for a while, not the compiler. */
const WARM = 5_000;

const SUBJECTS = ["nodemailer", "netSmtp", "drain"];

/** One case: each transport in a process that lives through all rounds, in turn. */
async function compared({ mail, connections, line, chunking = false, inFlight, count, target }) {
  const sink = await helper("./sink.mjs", ...(chunking ? ["--chunking"] : []));
  const proxy = line === undefined ? undefined : await helper("./delay.mjs", sink.port, line);
  const port = proxy?.port ?? sink.port;
  const workers = Object.fromEntries(
    await Promise.all(SUBJECTS.map(async (transport) => [transport, await helper("./worker.mjs")])),
  );
  const ask = (transport, count, warm) => {
    const own = transport === "netSmtp" && inFlight ? { inFlight } : {};
    const options = { transport, mail, connections, ...own };
    return workers[transport].ask({ client: "pool", options, port, act: "send", count, warm });
  };
  if (line === undefined) for (const transport of SUBJECTS) await ask(transport, 1, some(WARM));
  const subjects = SUBJECTS.map((transport) => [transport, () => ask(transport, some(count), some(200))]);
  const figures = await interleaved(Object.fromEntries(subjects));
  for (const worker of Object.values(workers)) worker.close();
  proxy?.close();
  sink.close();
  const speed = (transport) => column(figures[transport], "perSecond");
  return {
    name: `${mail}, ${connections === 1 ? "1 connection" : `${connections} connections`}`,
    server: `${chunking ? "CHUNKING" : "DATA"}${inFlight ? `, ${inFlight} in flight` : ""}, ${line === undefined ? "loopback" : `${2 * line} ms`}`,
    target,
    theirs: median(speed("nodemailer")),
    ours: median(speed("netSmtp")),
    ratio: ratios(speed("netSmtp"), speed("nodemailer")),
    ceiling: ratios(speed("drain"), speed("nodemailer")),
    cpu: ratios(column(figures.netSmtp, "cpu"), column(figures.nodemailer, "cpu")),
  };
}

/** 1, 5 and 50 connections to one server, on a slow line: until the server or this machine is the limit. */
async function growing() {
  const sink = await helper("./sink.mjs");
  const proxy = await helper("./delay.mjs", sink.port, DELAY);
  const rows = [];
  for (const connections of [1, 5, 50]) {
    const worker = await helper("./worker.mjs");
    const options = { transport: "netSmtp", mail: "raw", connections };
    const job = {
      client: "pool",
      options,
      port: proxy.port,
      act: "send",
      count: some(60 * connections),
      warm: some(200),
    };
    const { perSecond, cpu } = await worker.ask(job);
    rows.push({ connections, perSecond, cpu });
    worker.close();
  }
  proxy.close();
  sink.close();
  return rows;
}

const fixed = (value, digits = 2) => value.toFixed(digits);
const range = ({ median, low, high }) => `${fixed(median)} (${fixed(low)}–${fixed(high)})`;
const judged = ({ ratio, target }) => `at least ${target}: ${ratio.median >= target ? "met" : "**missed**"}`;

function sections(rows, grown) {
  return [
    {
      title: "Pool against pool, through `sendMail`",
      text: `Medians of ${PAIRS} interleaved pairs, quartiles in brackets; each transport in a process of its own, 32 messages a connection under way, after ${WARM} messages that are not counted. In flight: the option of that name, which the caller sets; else one. The ceiling is a transport that drains Nodemailer's composed stream and sends nothing: where the content is at hand no stream is opened, so it is no ceiling of ours.`,
      head: ["messages", "server", "Nodemailer/s", "net-smtp/s", "times", "target", "ceiling", "of its CPU"],
      rows: rows.map((row) => [
        row.name,
        row.server,
        Math.round(row.theirs),
        Math.round(row.ours),
        range(row.ratio),
        judged(row),
        fixed(row.ceiling.median),
        fixed(row.cpu.median),
      ]),
    },
    {
      title: "Connections",
      text: `Raw messages on a line of ${2 * DELAY} ms, one run each.`,
      head: ["connections", "messages/s", "times one connection", "CPU µs/message"],
      rows: grown.map(({ connections, perSecond, cpu }) => [
        connections,
        Math.round(perSecond),
        fixed(perSecond / grown[0].perSecond, 1),
        Math.round(cpu),
      ]),
    },
  ];
}

const rows = [];
for (const one of CASES) rows.push(await compared(one));
const parts = sections(rows, await growing());
for (const part of parts) console.log(plainText(part));
if (!QUICK) {
  const root = new URL("../", import.meta.url);
  const { version } = JSON.parse(readFileSync(new URL("node_modules/nodemailer/package.json", root), "utf8"));
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? "unknown"}), ${platform()} ${arch()}, Node ${process.versions.node}`;
  const opening = `# How fast the pool is\n\n\`npm run bench:pool\` wrote this (bench/pools.mjs, ${new Date().toISOString().slice(0, 10)}) on ${machine}, against Nodemailer ${version}. The machine is shared: only ratios within one run count.\n\n`;
  writeFileSync(new URL("docs/benchmark-pool.md", root), opening + parts.map(markdown).join("\n"));
}
