// The whole comparison in one run: prints the table and writes docs/benchmark.md with its chart. `npm run bench` builds first.
// The sink and the proxy are processes of their own; each figure is the median of interleaved pairs. BENCH_PAIRS=3 for a quick look.
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, platform, release } from "node:os";

import { MESSAGE, netSmtp, pool, smtpConnection } from "./clients.mjs";
import { helper, interleaved, median, ratios, timed } from "./measure.mjs";

const PAIRS = Number(process.env.BENCH_PAIRS ?? 9);
const rows = [];
const notes = [];

function say(row) {
  rows.push(row);
  console.log(row.join("  "));
}

const number = (value) => Math.round(value).toLocaleString("en").replaceAll(",", " ");
const fixed = (value, digits = 2) => value.toFixed(digits);
const range = ({ median, low, high }) => `${fixed(median)} (${fixed(low)}–${fixed(high)})`;

/** Messages a second and CPU a message, against a peer. */
async function throughput(name, port, count, ours, theirs) {
  const measure = async (client, width) => {
    const opened = await client();
    const figures = await timed(count, () => opened.send(count, undefined, undefined, width));
    await opened.close();
    return figures;
  };
  const { a, b } = await interleaved(PAIRS, () => measure(ours), () => measure(theirs));
  const of = (list, key) => list.map((figures) => figures[key]);
  const speed = ratios(of(a, "perSecond"), of(b, "perSecond"));
  const cpu = ratios(of(a, "cpu"), of(b, "cpu"));
  say([name, number(median(of(a, "perSecond"))), number(median(of(b, "perSecond"))), range(speed), fixed(median(of(a, "cpu")), 1), fixed(median(of(b, "cpu")), 1), range(cpu)]);
  return { name, speed: speed.median, cpu: cpu.median };
}

/** Round trips a message through the delaying proxy: time divided by the round trip. */
async function roundTrips(name, client, port, delay, count) {
  const proxy = await helper("./delay.mjs", port, delay);
  const opened = await client(proxy.port);
  await opened.send(1);
  const { elapsed } = await timed(count, () => opened.send(count));
  await opened.close();
  proxy.close();
  const trips = elapsed / (2 * delay) / count;
  say([name, fixed(trips)]);
  return { name, trips };
}

const plain = await helper("./sink.mjs");
const chunking = await helper("./sink.mjs", "--chunking");
const COUNT = Number(process.env.BENCH_COUNT ?? 20_000);
const FEW = 200;
const result = { throughput: [], trips: [] };

console.log(`${PAIRS} pairs of ${COUNT} messages of ${MESSAGE.length} octets, one connection\n`);
for (const policy of ["collect", "net-smtp", "all-or-nothing"]) {
  const ours = () => netSmtp(plain.port, { recipientPolicy: policy });
  result.throughput.push(await throughput(`DATA, ${policy}, against SMTPConnection`, plain.port, COUNT, ours, () => smtpConnection(plain.port)));
}
result.throughput.push(await throughput("DATA, collect, against the pool", plain.port, COUNT / 2, () => netSmtp(plain.port), () => pool(plain.port)));
for (const inFlight of [1, 16]) {
  const ours = () => netSmtp(chunking.port, { inFlight }, Math.max(32, 4 * inFlight));
  result.throughput.push(await throughput(`BDAT, inFlight ${inFlight}, against SMTPConnection`, chunking.port, COUNT, ours, () => smtpConnection(chunking.port)));
}
console.log("\nRound trips a message, 20 ms each way and back");
const DELAY = 10;
result.trips.push(await roundTrips("Nodemailer SMTPConnection", smtpConnection, plain.port, DELAY, FEW));
result.trips.push(await roundTrips("DATA, overlap", (port) => netSmtp(port), plain.port, DELAY, FEW));
result.trips.push(await roundTrips("DATA, one at a time", (port) => netSmtp(port, {}, 1), plain.port, DELAY, FEW));
result.trips.push(await roundTrips("BDAT, inFlight 16", (port) => netSmtp(port, { inFlight: 16 }, 64), chunking.port, DELAY, 10 * FEW));
plain.close();
chunking.close();

mkdirSync("docs", { recursive: true });
console.log(JSON.stringify(result));
