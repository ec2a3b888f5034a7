// Pool against pool through `nodemailer.sendMail`: what an application sees. Ratios of interleaved pairs, each beside the ceiling:
// Nodemailer's own layer, drained into nothing. By itself: node bench/pools.mjs
import { fileURLToPath } from "node:url";
import { column, helper, interleaved, median, ratios, some } from "./measure.mjs";

const DELAY = 10;

/** `count` messages a run; a target is the issue's. */
const CASES = [
  { mail: "raw", connections: 1, count: 4_000, target: 2.3 },
  { mail: "raw", connections: 5, count: 6_000, target: 2.3 },
  { mail: "raw", connections: 1, line: DELAY, count: 300, target: 1.9 },
  { mail: "raw", connections: 5, line: DELAY, count: 1_500, target: 1.9 },
  { mail: "composed", connections: 1, count: 3_000, target: 1.25 },
  { mail: "composed", connections: 5, count: 4_000, target: 1.25 },
  { mail: "composed", connections: 1, chunking: true, count: 3_000, target: 1.5 },
  { mail: "composed", connections: 5, chunking: true, count: 4_000, target: 1.5 },
];

const SUBJECTS = ["nodemailer", "netSmtp", "drain"];

/** One case: each transport in a process that lives through all rounds, in turn. */
async function compared({ mail, connections, line, chunking = false, count, target }) {
  const sink = await helper("./sink.mjs", ...(chunking ? ["--chunking"] : []));
  const proxy = line === undefined ? undefined : await helper("./delay.mjs", sink.port, line);
  const port = proxy?.port ?? sink.port;
  const workers = Object.fromEntries(
    await Promise.all(SUBJECTS.map(async (transport) => [transport, await helper("./worker.mjs")])),
  );
  const ask = (transport) => {
    const options = { transport, mail, connections, ...(chunking && transport === "netSmtp" ? { inFlight: 4 } : {}) };
    return workers[transport].ask({ client: "pool", options, port, act: "send", count: some(count), warm: some(200) });
  };
  const figures = await interleaved(Object.fromEntries(SUBJECTS.map((transport) => [transport, () => ask(transport)])));
  for (const worker of Object.values(workers)) worker.close();
  proxy?.close();
  sink.close();
  const speed = (transport) => column(figures[transport], "perSecond");
  return {
    name: `${mail}, ${connections === 1 ? "1 connection" : `${connections} connections`}`,
    server: `${chunking ? "CHUNKING" : "DATA"}, ${line === undefined ? "loopback" : `${2 * line} ms`}`,
    target,
    theirs: median(speed("nodemailer")),
    ours: median(speed("netSmtp")),
    ratio: ratios(speed("netSmtp"), speed("nodemailer")),
    ceiling: ratios(speed("drain"), speed("nodemailer")),
    cpu: ratios(column(figures.netSmtp, "cpu"), column(figures.nodemailer, "cpu")),
  };
}

/** Every case. */
export async function pools() {
  const rows = [];
  for (const one of CASES) rows.push(await compared(one));
  return rows;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { name, server, ours, theirs, ratio, ceiling, target, cpu } of await pools())
    console.log(
      `${name}; ${server}: ${Math.round(ours)}/s against ${Math.round(theirs)}/s, ${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)}-${ratio.high.toFixed(2)}) times; asked ${target}; ceiling ${ceiling.median.toFixed(2)}; CPU ${cpu.median.toFixed(3)}`,
    );
}
