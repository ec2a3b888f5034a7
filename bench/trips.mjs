// Round trips, through a proxy that delays each direction by 10 ms: of a message on a warm connection, and of a cold single send.
import { once } from "node:events";
import { connect } from "node:net";
import { clients } from "./clients.mjs";
import { alone, helper, median, PAIRS, spread } from "./measure.mjs";

const DELAY = 10;
const LOGIN = { user: "user", secret: "secret" };

const WARM = [
  { name: "Nodemailer SMTPConnection", client: "smtpConnection", count: 25 },
  { name: "net-smtp, one at a time", client: "netSmtp", options: { width: 1 }, count: 25 },
  { name: "net-smtp, DATA, overlap", client: "netSmtp", count: 50, target: 1.1 },
  {
    name: "net-smtp, BDAT, in flight 16",
    client: "netSmtp",
    options: { inFlight: 16, width: 64 },
    count: 800,
    chunking: true,
    target: 0.15,
  },
];

/** What a command and its reply take through the proxy, in ms: a timer of 10 ms rings a little later than that. */
async function roundTrip(port) {
  const socket = connect(port, "127.0.0.1").setNoDelay(true);
  await once(socket, "data");
  const times = [];
  for (let ping = 0; ping < 15; ping++) {
    const begun = performance.now();
    socket.write("NOOP\r\n");
    await once(socket, "data");
    times.push(performance.now() - begun);
  }
  socket.destroy();
  return median(times);
}

/** Time divided by the round trip, and turns that the proxy counted, those of EHLO and QUIT left out. */
async function warm({ name, client, options, count, target }, port) {
  const [trips, turns] = [[], []];
  for (let run = 0; run < PAIRS; run++) {
    const proxy = await helper("./delay.mjs", port, DELAY);
    const { elapsed } = await alone({ client, options, port: proxy.port, act: "send", count });
    const { turns: counted } = await proxy.ask({});
    trips.push(elapsed / (await roundTrip(proxy.port)) / count);
    turns.push((counted - 2) / count);
    proxy.close();
  }
  return { name, trips: spread(trips), turns: median(turns), target };
}

/** Round trips a message of each way to send. */
export async function warmTrips() {
  const [plain, chunking] = [await helper("./sink.mjs"), await helper("./sink.mjs", "--chunking")];
  const rows = [];
  for (const way of WARM) rows.push(await warm(way, (way.chunking ? chunking : plain).port));
  plain.close();
  chunking.close();
  return rows;
}

/** What the client said between two replies, as the steps of the dialogue. */
function stepsOf(events) {
  const steps = [];
  let said = [];
  for (const { side, kind, text } of events) {
    if (kind === "note" && text.startsWith("TLS")) steps.push("TLS handshake");
    if (side === "client") said.push(kind === "content" ? "content" : text.split(" ").slice(0, 2).join(" "));
    if (side !== "server" || said.length === 0) continue;
    steps.push(said.join(", "));
    said = [];
  }
  return steps;
}

async function throughProxy(server, send) {
  const proxy = await helper("./delay.mjs", server.port, DELAY);
  const { cert } = await server.ask({});
  const begun = performance.now();
  const opened = await send(proxy.port, cert);
  const elapsed = performance.now() - begun;
  const { turns } = await proxy.ask({});
  await opened.close();
  proxy.close();
  return { turns, elapsed };
}

async function sendOurs(port, ca, debugOutput) {
  const tls = { starttls: "always", tlsOptions: { ca } };
  const opened = await clients.netSmtp(port, { ...tls, ...LOGIN, debugOutput });
  await opened.send(1);
  return opened;
}

async function sendTheirs(port, ca) {
  const auth = { user: LOGIN.user, credentials: { user: LOGIN.user, pass: LOGIN.secret } };
  const opened = await clients.smtpConnection(port, { ignoreTLS: false, requireTLS: true, tls: { ca }, auth });
  await opened.send(1);
  return opened;
}

/** One message to a server not spoken to before, over STARTTLS with a login: steps, and the round trips that the proxy counted. */
export async function coldTrips() {
  const server = await helper("./secure.mjs");
  const events = [];
  const ours = await throughProxy(server, (port, ca) => sendOurs(port, ca, (event) => events.push(event)));
  const theirs = await throughProxy(server, sendTheirs);
  server.close();
  return { ours, theirs, steps: stepsOf(events).filter((step) => step !== "QUIT") };
}
