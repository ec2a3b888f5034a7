// The figures as sections of tables: for the terminal, and for docs/benchmark.md.
const grouped = (value) => Math.round(value).toLocaleString("en").replaceAll(",", " ");
const fixed = (value, digits = 2) => value.toFixed(digits);
const range = ({ median, low, high }, digits = 2) =>
  `${fixed(median, digits)} (${fixed(low, digits)}–${fixed(high, digits)})`;

/** Met or missed, and nothing between. */
const atLeast = (value, limit) => `at least ${limit}: ${value >= limit ? "met" : "**missed**"}`;
const atMost = (value, limit) => `at most ${limit}: ${value <= limit ? "met" : "**missed**"}`;
const targetOf = (limit, judge, value) => (limit === undefined ? "" : judge(value, limit));

function throughputTable(rows) {
  return rows.map(({ name, perSecond, cpuEach, writes, speed, cpu, targets }) => [
    name,
    grouped(perSecond),
    range(speed),
    targetOf(targets?.speed, atLeast, speed.median),
    fixed(cpuEach, 1),
    range(cpu, 3),
    targetOf(targets?.cpu, atMost, cpu.median),
    fixed(writes),
  ]);
}

const THROUGHPUT_HEAD = [
  "client",
  "messages/s",
  "times Nodemailer",
  "target",
  "CPU µs/message",
  "of Nodemailer's",
  "target",
  "socket writes/message",
];

const percent = (share) => `${(share * 100).toFixed(1)} %`;

function profileSection([data, bdat]) {
  return {
    title: "Where the time goes",
    text: "Samples of V8's profiler in the client, which slows it down: shares, not times. What is not net-smtp's own is what the raw socket pays too.",
    head: ["whose code", "DATA, `collect`", "BDAT, in flight 16"],
    rows: data.map(({ name, share }, at) => [name, percent(share), percent(bdat[at].share)]),
  };
}

function throughputSections({ without, withChunking, profiles }) {
  const told =
    "One connection, messages of 1 KB, one recipient, loopback. A socket write is one system call. The raw socket writes ready-made octets and checks nothing: it shows what there is to reach.";
  return [
    { title: "Server without CHUNKING", text: told, head: THROUGHPUT_HEAD, rows: throughputTable(without) },
    { title: "Server with CHUNKING", text: told, head: THROUGHPUT_HEAD, rows: throughputTable(withChunking) },
    profileSection(profiles),
  ];
}

function warmSection(warm) {
  return {
    title: "Round trips a message",
    text: "Through a proxy that delays each direction by 10 ms: time divided by what a NOOP takes on the same proxy; and how often the proxy saw the client speak after the server.",
    head: ["client", "round trips/message", "target", "turns/message"],
    rows: warm.map(({ name, trips, turns, target }) => [
      name,
      range(trips),
      targetOf(target, atMost, trips.median),
      fixed(turns),
    ]),
  };
}

/** What the RFCs demand after the greeting. */
const DEMANDED = [
  ["EHLO", "RFC 5321 4.1.1.1"],
  ["STARTTLS", "RFC 3207 4"],
  ["TLS handshake", "RFC 8446 2: TLS 1.3, one round trip"],
  ["EHLO", "RFC 3207 4.2: again, under TLS"],
  ["AUTH PLAIN", "RFC 4954 4: the initial response in the command"],
  ["MAIL FROM", "RFC 2920 3.1: MAIL, RCPT and DATA in one group, DATA its last"],
  ["content", "RFC 5321 4.1.1.4: after 354"],
];

function coldSection({ ours, theirs, steps }) {
  const same = steps.length === DEMANDED.length && DEMANDED.every(([verb], at) => steps[at].startsWith(verb));
  const counted = ours.turns === DEMANDED.length && same;
  return {
    title: "A cold single send over STARTTLS with AUTH PLAIN",
    text: `Counted by the proxy from the greeting to the reply to the message: net-smtp **${ours.turns}**, Nodemailer SMTPConnection ${theirs.turns}. The RFCs demand ${DEMANDED.length}: ${counted ? "met" : "**missed**"}. In front of them stand TCP's own round trip and the greeting, which the client awaits; QUIT follows.`,
    head: ["round trip", "what net-smtp said", "why"],
    rows: steps.map((step, at) => [at + 1, step.replaceAll(/[<>]/g, ""), DEMANDED[at]?.[1] ?? "nothing demands it"]),
  };
}

function encoderSection(rows) {
  return {
    title: "The body encoder",
    text: "16 MiB in chunks of 64 KiB: our encoder, against Nodemailer's DataStream and against `indexOf(10)` from line to line. The scan is the encoder where nothing has to change (CRLF base64); elsewhere it also copies.",
    head: ["body", "MB/s", "times DataStream", "target", "times indexOf(10)", "target"],
    rows: rows.map(({ name, speed, stream, scan, target }) => [
      name,
      grouped(speed),
      range(stream),
      targetOf(target, atLeast, stream.median),
      range(scan),
      name === "CRLF base64" ? atLeast(scan.median, 0.5) : "",
    ]),
  };
}

function largeSection(rows, octets) {
  return {
    title: `${grouped(octets / 2 ** 20)} MiB streamed from a source of 64 KB chunks`,
    text: "Each run in a process of its own; growth is that of RSS, from before the message to its peak.",
    head: ["client", "MB/s", "times Nodemailer", "target", "RSS grows by MB", "target", "CPU ms"],
    rows: rows.map(({ name, ours, speed, ratio, growth, cpu }) => [
      name,
      grouped(speed),
      range(ratio),
      ours ? atLeast(ratio.median, 2) : "",
      range(growth, 1),
      ours ? atMost(growth.median, 32) : "",
      grouped(cpu),
    ]),
  };
}

const CLIENT = { netSmtp: "net-smtp, `collect`", smtpConnection: "Nodemailer SMTPConnection" };

function recipientsSection(rows) {
  return {
    title: "Recipients of one message",
    text: "Round trips: the time that a line of 500 ms adds, divided by 500 ms. The rest on loopback, in a process that has sent one message.",
    head: ["client", "recipients", "round trips", "target", "ms", "CPU ms", "RSS grows by MB"],
    rows: rows.map(({ client, count, trips, elapsed, cpu, growth }) => [
      CLIENT[client],
      grouped(count),
      fixed(trips),
      client === "netSmtp" ? `2: ${Math.round(trips * 10) <= 20 ? "met" : "**missed**"}` : "",
      fixed(elapsed, 1),
      fixed(cpu, 1),
      fixed(growth, 1),
    ]),
  };
}

function messagesSection(rows) {
  return {
    title: "Messages queued at once",
    text: "All `sendMessage` calls are made before the first is awaited, each with a function that makes its body. After 5 000 messages that warm the process up.",
    head: ["messages", "messages/s", "CPU µs/message", "of that at 1 000", "target", "RSS MB", "RSS grew by MB"],
    rows: rows.map(({ count, perSecond, cpu, rss, growth }) => [
      grouped(count),
      grouped(perSecond),
      fixed(cpu, 1),
      fixed(cpu / rows[0].cpu),
      count === 100_000 ? atMost(cpu / rows[0].cpu, 1.5) : "",
      fixed(rss, 0),
      fixed(growth, 1),
    ]),
  };
}

/** Every figure of the bench, as { title, text, head, rows }. */
export function sections({ throughput, warm, cold, encoder, large, largeOctets, recipients, messages }) {
  return [
    ...throughputSections(throughput),
    warmSection(warm),
    coldSection(cold),
    encoderSection(encoder),
    largeSection(large, largeOctets),
    recipientsSection(recipients),
    messagesSection(messages),
  ];
}

/** A section as Markdown. */
export function markdown({ title, text, head, rows }) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [`## ${title}`, "", text, "", line(head), line(head.map(() => "---")), ...rows.map(line), ""].join("\n");
}

/** A section for a terminal: columns of equal width. */
export function plainText({ title, text, head, rows }) {
  const cells = [head, ...rows].map((row) => row.map((cell) => String(cell).replaceAll(/\*\*|`/g, "")));
  const widths = head.map((_, at) => Math.max(...cells.map((row) => row[at].length)));
  const lines = cells.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at]))
      .join("  ")
      .trimEnd(),
  );
  return [`${title}\n${text.replaceAll(/\*\*|`/g, "")}`, "", ...lines, ""].join("\n");
}
