// Messages a second, CPU a message and socket writes a message on one connection, without and with CHUNKING.
import { column, helper, interleaved, median, ratios, some } from "./measure.mjs";

const PEER = "Nodemailer SMTPConnection";

const WITHOUT = [
  { name: PEER, client: "smtpConnection", count: 20_000 },
  { name: "net-smtp, DATA, `collect`", client: "netSmtp", count: 30_000, targets: { speed: 2.8, cpu: 0.4 } },
  { name: "net-smtp, DATA, `net-smtp`", client: "netSmtp", options: { recipientPolicy: "net-smtp" }, count: 15_000 },
  {
    name: "net-smtp, DATA, `all-or-nothing`",
    client: "netSmtp",
    options: { recipientPolicy: "all-or-nothing" },
    count: 15_000,
  },
  { name: "Nodemailer pool, `sendMail`", client: "pool", count: 4_000 },
  { name: "a raw socket, the same octets", client: "rawSocket", options: { mode: "data" }, count: 30_000 },
];

const WITH = [
  { name: PEER, client: "smtpConnection", count: 20_000 },
  { name: "net-smtp, BDAT, in flight 1", client: "netSmtp", count: 30_000 },
  {
    name: "net-smtp, BDAT, in flight 16",
    client: "netSmtp",
    options: { inFlight: 16, width: 64 },
    count: 100_000,
    targets: { speed: 15, cpu: 0.1 },
  },
  {
    name: "a raw socket, the same octets, 16 in flight",
    client: "rawSocket",
    options: { mode: "bdat" },
    count: 100_000,
  },
];

/** Every client in turn, again and again, each in a process that lives through all rounds. */
async function rounds(subjects, port) {
  const workers = await Promise.all(subjects.map(() => helper("./worker.mjs")));
  const asks = subjects.map(({ client, options, count }, index) => {
    const job = { client, options, port, act: "send", count: some(count) };
    return (more) => workers[index].ask({ ...job, ...more });
  });
  for (const ask of asks) await ask({});
  const figures = await interleaved(
    Object.fromEntries(subjects.map(({ name }, index) => [name, () => asks[index]({})])),
  );
  const writes = {};
  for (const [index, { name }] of subjects.entries())
    writes[name] = (await asks[index]({ count: 2_000, watch: "writes" })).writes;
  for (const worker of workers) worker.close();
  return { figures, writes };
}

async function compare(subjects, port) {
  const { figures, writes } = await rounds(subjects, port);
  const peer = figures[PEER];
  return subjects.map(({ name, targets }) => ({
    name,
    targets,
    perSecond: median(column(figures[name], "perSecond")),
    cpuEach: median(column(figures[name], "cpu")),
    writes: writes[name],
    speed: ratios(column(figures[name], "perSecond"), column(peer, "perSecond")),
    cpu: ratios(column(figures[name], "cpu"), column(peer, "cpu")),
  }));
}

/** Where our own time goes in the rows that have a target. */
async function whereTimeGoes(subjects, port) {
  const { client, options, count } = subjects.find(({ targets }) => targets);
  const worker = await helper("./worker.mjs");
  const job = { client, options, port, act: "send", count: some(count), warm: some(count) };
  const { shares } = await worker.ask({ ...job, watch: "profile" });
  worker.close();
  return shares;
}

/** Both tables, the server without CHUNKING and with it, and where the time goes in each. */
export async function throughput() {
  const [plain, chunking] = [await helper("./sink.mjs"), await helper("./sink.mjs", "--chunking")];
  const without = await compare(WITHOUT, plain.port);
  const withChunking = await compare(WITH, chunking.port);
  const profiles = [await whereTimeGoes(WITHOUT, plain.port), await whereTimeGoes(WITH, chunking.port)];
  plain.close();
  chunking.close();
  return { without, withChunking, profiles };
}
