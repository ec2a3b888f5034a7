/** LMTP (RFC 2033) besides the ways of a message: LHLO, ports, policies, commands one by one, deadlines, what comes too early. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { type Delivery, NetSmtp, SmtpArgumentError, type SmtpError, type SmtpOptions } from "../mod.ts";
import type { SmtpStream, StreamSink } from "../src/net/stream.ts";
import { lhlo, lmtp } from "./support/lmtp.ts";
import { network, type PlayedServer, play } from "./support/play.ts";
import { FROM, failure, told, turns } from "./support/told.ts";

const TO = ["b@y.example", "c@y.example", "d@y.example"];

afterEach(() => {
  vi.useRealTimers();
});

/** Greeting, LHLO with PIPELINING, and the script. */
function open(script: string, options?: SmtpOptions): Promise<{ smtp: NetSmtp; server: PlayedServer }> {
  return lmtp(`${lhlo("PIPELINING").join("\n")}\n${script.replace(/^ +/gm, "")}`, options);
}

const ENVELOPE = `
  C: MAIL FROM:<a@x.example>
  C: RCPT TO:<b@y.example>
  C: RCPT TO:<c@y.example>
  C: RCPT TO:<d@y.example>
  S: 250 ok
  S: 250 ok
  S: 250 ok
  S: 250 ok
  C: DATA
  S: 354 go
  C: hi
  C: .`;
const IN_ONE = ENVELOPE.replace("C: DATA", "").replace("S: 250 ok", "C: DATA\n  S: 250 ok");

// But for the SIZE that the engine says where it is offered, and the dot that it stuffs.
test("the dialogue of RFC 2033, section 4.2", async () => {
  const server = play(
    `
    S: 220 foo.edu LMTP server ready
    C: LHLO foo.edu
    S: 250-foo.edu
    S: 250-PIPELINING
    S: 250 SIZE
    C: MAIL FROM:<chris@bar.com> SIZE=38
    C: RCPT TO:<pat@foo.edu>
    C: RCPT TO:<jones@foo.edu>
    C: RCPT TO:<green@foo.edu>
    C: DATA
    S: 250 OK
    S: 250 OK
    S: 550 No such user here
    S: 250 OK
    S: 354 Start mail input; end with <CRLF>.<CRLF>
    C: Blah blah blah...
    C: ...etc. etc. etc.
    C: .
    S: 250 OK
    S: 452 <green@foo.edu> is temporarily over quota
    C: QUIT
    S: 221 foo.edu closing connection`.replace("C: ...etc", "C: ....etc"),
  );
  const options: SmtpOptions = { lmtp: true, helo: "foo.edu", recipientPolicy: "collect", network: network(server) };
  const { recipients, response } = await NetSmtp.start("foo.edu", 24, options, (smtp) =>
    smtp.sendMessage("Blah blah blah...\n...etc. etc. etc.\n", "chris@bar.com", [
      "pat@foo.edu",
      "jones@foo.edu",
      "green@foo.edu",
    ]),
  );
  server.finish();
  expect(recipients).toMatchObject([
    { address: "pat@foo.edu", fate: "accepted", response: { status: "250" } },
    { address: "jones@foo.edu", fate: "refused", response: { status: "550" }, retry: "never" },
    { address: "green@foo.edu", fate: "refused", response: { status: "452" }, retry: "later", phase: "final" },
  ]);
  expect(recipients[1]).not.toHaveProperty("phase");
  expect(response.status).toBe("250");
});

describe("start()", () => {
  test.each(["500 what", "502 no", "550 no"])(
    "LHLO answered %s is the end: HELO and EHLO are not LMTP",
    async (reply) => {
      const server = play(`S: 220 ready\nC: LHLO localhost\nS: ${reply}\nC: <close>`);
      const started = NetSmtp.start("mx.example", 24, { lmtp: true, network: network(server) });
      const error = await failure(started);
      expect(error.message).toBe(`Server refused LHLO: ${reply}`);
      expect(error.phase).toBe("ehlo");
      server.finish();
    },
  );

  test("LHLO is said again inside TLS", async () => {
    const server = play(`
      S: 220 ready
      C: LHLO localhost
      S: 250-mx.example
      S: 250 STARTTLS
      C: STARTTLS
      S: 220 go
      TLS
      C: LHLO localhost
      S: 250-mx.example
      S: 250 PIPELINING`);
    const smtp = await NetSmtp.start("mx.example", 24, { lmtp: true, starttls: "always", network: network(server) });
    expect([...(smtp.capabilities ?? [])]).toEqual([["PIPELINING", []]]);
    server.finish();
  });

  test.each([
    ["no port", () => new NetSmtp("mx.example", undefined, { lmtp: true }), "the port is 25, which is SMTP's"],
    ["port 25", () => new NetSmtp("mx.example", 25, { lmtp: true }), "the port is 25, which is SMTP's"],
    ["HELO", () => new NetSmtp("mx.example", 24, { lmtp: true, esmtp: false }), "LMTP has no HELO"],
    [
      "HELO by the setter",
      () => {
        new NetSmtp("mx.example", 24, { lmtp: true }).esmtp = false;
      },
      "LMTP has no HELO",
    ],
  ])("refuses %s", (_what, make, text) => {
    expect(make).toThrow(SmtpArgumentError);
    expect(make).toThrow(text);
  });

  test.each([
    ["another port", 24, {}],
    ["a unix socket", 25, { socketPath: "/run/lmtp" }],
    ["a socket of the caller's", 25, { socket: {} }],
  ])("takes %s", (_what, port, options) => {
    expect(new NetSmtp("mx.example", port, { lmtp: true, ...options }).port).toBe(port);
  });
});

describe("a policy, when the end is refused for some", () => {
  const cases: [policy: "net-smtp" | "all-or-nothing", end: string, name: string, message: string][] = [
    [
      "net-smtp",
      "S: 250 b\nS: 530 c\nS: 535 d",
      "SmtpAuthenticationError",
      'failed to deliver for "c@y.example", "d@y.example"',
    ],
    [
      "net-smtp",
      "S: 530 b\nS: 250 c\nS: 452 4.2.2 d",
      "SmtpServerBusy",
      "Server refused the message for <d@y.example>: 452 4.2.2 d; it was accepted for <c@y.example>, it was refused for <b@y.example>, <d@y.example>",
    ],
    [
      "all-or-nothing",
      "S: 250 b\nS: 554 c\nS: 450 d",
      "SmtpFatalError",
      "Server refused the message for <c@y.example>: 554 c; <d@y.example>: 450 d; it was accepted for <b@y.example>, it was refused for <c@y.example>, <d@y.example>",
    ],
  ];
  test.each(cases)("%s, %j: %s, and the delivery", async (recipientPolicy, end, name, message) => {
    const { smtp, server } = await open(`${ENVELOPE}\n${end}`, { recipientPolicy });
    const error = await failure(smtp.sendMessage("hi", FROM, TO));
    expect(error).toMatchObject({ name, message, fate: "accepted" });
    const { accepted, refused, recipients } = error.delivery as Delivery;
    expect([accepted.length, refused.length]).toEqual([1, 2]);
    expect(told({ recipients })).toBe(told(error));
    expect(smtp.errorOccurred).toBe(false);
    server.finish();
  });

  test("net-smtp collects 53x of RCPT and of the end alike", async () => {
    const script = ENVELOPE.replace(/(S: 250 ok\s+S: 250 ok\s+)S: 250 ok/, "$1S: 530 no");
    const { smtp } = await open(`${script}\nS: 250 b\nS: 535 d`, { recipientPolicy: "net-smtp" });
    const error = await failure(smtp.sendMessage("hi", FROM, TO));
    expect(error.message).toBe('failed to deliver for "c@y.example", "d@y.example"');
    expect(told(error)).toBe("b accepted 250, c refused 530, d refused 535");
  });

  test.each(["net-smtp", "collect", "all-or-nothing"] as const)("%s: accepted by all is a delivery", async (policy) => {
    const script = policy === "collect" ? IN_ONE : ENVELOPE;
    const { smtp, server } = await open(`${script}\nS: 250 b\nS: 250 c\nS: 250 d`, { recipientPolicy: policy });
    const delivery = await smtp.sendMessage("hi", FROM, TO);
    expect(told(delivery)).toBe("b accepted 250, c accepted 250, d accepted 250");
    server.finish();
  });

  test.each([
    ["net-smtp", "S: 530 b\nS: 535 c\nS: 530 d", "SmtpAuthenticationError"],
    ["net-smtp", "S: 530 b\nS: 550 c\nS: 452 d", "SmtpServerBusy"],
    ["collect", "S: 530 b\nS: 550 c\nS: 552 d", "SmtpAuthenticationError"],
    ["all-or-nothing", "S: 550 b\nS: 550 c\nS: 550 d", "SmtpFatalError"],
  ] as const)("%s: %j is %s, without a delivery", async (recipientPolicy, end, name) => {
    const script = recipientPolicy === "collect" ? IN_ONE : ENVELOPE;
    const { smtp } = await open(`${script}\n${end}`, { recipientPolicy });
    const error = await failure(smtp.sendMessage("hi", FROM, TO));
    expect(error).toMatchObject({ name, phase: "final", fate: "refused" });
    expect(error.message).toMatch(/^Server refused the message for all 3 recipients: .*; nobody got the message/);
    expect(error.delivery).toBeUndefined();
  });
});

test("the reply of each recipient is awaited for finalTimeout, and its enhanced code is kept", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  const server = play(`${lhlo("PIPELINING").join("\n")}\n${IN_ONE}`);
  let sink: StreamSink | undefined;
  const open = (given: StreamSink): void => {
    sink = given;
    server.open(given);
  };
  const byHand: SmtpStream = {
    tls: false,
    loopback: false,
    remote: "hand",
    open,
    write: (bytes) => server.write(bytes),
    startTls: (settings) => server.startTls(settings),
    end: () => server.end(),
    destroy: () => server.destroy(),
  };
  const says = (text: string): void => sink?.data(new TextEncoder().encode(text));
  const options: SmtpOptions = { lmtp: true, recipientPolicy: "collect", finalTimeout: 1_000 };
  const smtp = await NetSmtp.start("mx.example", 24, { ...options, network: network(byHand) });
  const failed = failure(smtp.sendMessage("hi", FROM, TO));
  await turns();
  for (const reply of ["250 2.1.5 b", "452 4.2.2 c"]) {
    await vi.advanceTimersByTimeAsync(900);
    says(`${reply}\r\n`);
  }
  await vi.advanceTimersByTimeAsync(999);
  expect(server.closed).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1);
  const error = await failed;
  expect(error).toMatchObject({ name: "SmtpReadTimeout", phase: "final", fate: "unknown", retry: "ask" });
  expect(told(error)).toBe("b accepted 250, c refused 452, d unknown");
  expect(error.recipients.map(({ response }) => response?.enhancedCode)).toEqual(["2.1.5", "4.2.2", undefined]);
});

test("the reply of a delivery is one that took the message", async () => {
  const { smtp } = await open(`${IN_ONE}\nS: 452 b\nS: 250 2.1.5 c\nS: 250 d`);
  expect((await smtp.sendMessage("hi", FROM, TO)).response.string).toBe("250 2.1.5 c");
});

test("an abort keeps the replies that have come", async () => {
  const { smtp } = await open(`${IN_ONE}\nS: 250 b`);
  const controller = new AbortController();
  const failed = failure(smtp.sendMessage("hi", FROM, TO, { signal: controller.signal }));
  await turns();
  controller.abort();
  expect(told(await failed)).toBe("b accepted 250, c unknown, d unknown");
});

test("beforeEnd is told who may get it", async () => {
  const script = IN_ONE.replace(/(S: 250 ok\s+S: 250 ok\s+)S: 250 ok/, "$1S: 550 no");
  const { smtp } = await open(`${script}\nS: 250 b\nS: 250 d`);
  const beforeEnd = vi.fn();
  await smtp.sendMessage("hi", FROM, TO, { beforeEnd, id: "1" });
  expect(beforeEnd.mock.calls).toEqual([[{ id: "1", recipients: ["b@y.example", "d@y.example"] }]]);
});

describe("before the end", () => {
  /** A message whose source waits after its first line. */
  async function stalled(early: string): Promise<{ error: SmtpError; server: PlayedServer }> {
    const [head] = ENVELOPE.split("C: hi");
    const { smtp, server } = await open(`${head}C: first\n${early}`);
    async function* source(): AsyncGenerator<string> {
      yield "first\n";
      await new Promise(() => undefined);
    }
    return { error: await failure(smtp.sendMessage(source(), FROM, TO)), server };
  }

  test("a refusal is of the message, for all who were accepted", async () => {
    const { error, server } = await stalled("S: 452 full");
    expect(told(error)).toBe("b refused 452, c refused 452, d refused 452");
    expect(error.recipients.some(({ phase }) => phase !== undefined)).toBe(false);
    server.finish();
  });

  test("an acceptance is a violation, behind a refusal too", async () => {
    for (const early of ["S: 250 taken", "S: 452 full\nS: 250 taken"]) {
      const { error } = await stalled(early);
      expect(error.name).toBe("SmtpProtocolError");
      expect(told(error)).toBe("b unsent, c unsent, d unsent");
    }
  });

  test("a refused chunk is of the message, for all who were accepted; RSET is owed", async () => {
    const content = "0123456789".repeat(30_000);
    const envelope = IN_ONE.split("C: DATA")[0] as string;
    const { smtp, server } = await lmtp(
      `${lhlo("PIPELINING", "CHUNKING").join("\n")}
      ${envelope}
      S: 250 ok
      S: 250 ok
      S: 550 no
      S: 250 ok
      C: <anything>
      S: 452 full
      C: RSET
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<z@y.example>
      S: 250 ok
      S: 250 ok
      S: 250 ok
      C: BDAT 4 LAST
      C: hi
      S: 250 z`,
    );
    const error = await failure(smtp.sendMessage(content, FROM, TO));
    expect(told(error)).toBe("b refused 452, c refused 550, d refused 452");
    expect(told(await smtp.sendMessage("hi", FROM, "z@y.example"))).toBe("z accepted 250");
    server.finish();
  });
});

describe("command by command", () => {
  const MANUAL = `
    C: MAIL FROM:<a@x.example>
    S: 250 ok
    C: RCPT TO:<b@y.example>
    S: 250 ok
    C: RCPT TO:<c@y.example>
    C: RCPT TO:<d@y.example>
    S: 530 no
    S: 250 ok
    C: DATA
    S: 354 go
    C: hi
    C: .`;

  async function byList(end: string): Promise<Promise<unknown>> {
    const { smtp } = await open(`${MANUAL}\n${end}`, { recipientPolicy: "net-smtp" });
    await smtp.mailFrom(FROM);
    await smtp.rcptTo("b@y.example");
    return smtp.rcptToList(["c@y.example", "d@y.example"], () => smtp.data("hi"));
  }

  test("data() gives a reply that takes the message if all do; rcptToList() tells of its own recipients", async () => {
    const error = await failure(byList("S: 250 b\nS: 251 d"));
    expect(error.message).toBe('failed to deliver for "c@y.example"');
    expect(told(error)).toBe("c refused 530, d accepted 251");
  });

  test("data() rejects if the end is refused for some, and tells who got it", async () => {
    const error = await failure(byList("S: 250 b\nS: 452 d"));
    expect(error).toMatchObject({ name: "SmtpServerBusy", phase: "final", fate: "accepted", retry: "later" });
    expect(told(error)).toBe("b accepted 250, c refused 530, d refused 452");
  });

  test("data() with nobody accepted: 503 is Net::SMTP's error, 354 the end of the connection", async () => {
    for (const [reply, name, over] of [
      ["503 no valid recipients", "SmtpUnknownError", "S: 221 bye"],
      ["354 go", "SmtpProtocolError", "C: <close>"],
    ] as const) {
      const { smtp, server } = await open(`
        C: MAIL FROM:<a@x.example>
        S: 250 ok
        C: RCPT TO:<b@y.example>
        S: 550 no
        C: DATA
        S: ${reply}
        ${over === "C: <close>" ? over : ""}`);
      await smtp.mailFrom(FROM);
      await failure(smtp.rcptTo("b@y.example"));
      const error = await failure(smtp.data("hi"));
      expect([error.name, told(error)]).toEqual([name, "b refused 550"]);
      server.finish();
    }
  });

  test.each(["HELO x", "EHLO x", "LHLO x", "MAIL FROM:<>", " rcpt to:<b@y.example>", "RSET"])(
    "%j is no line of its own: it changes what is owed",
    async (line) => {
      const { smtp, server } = await open("");
      await expect(smtp.getResponse(line)).rejects.toThrow(/cannot be sent as a line of its own; use \w+\(\)/);
      await expect(smtp.getOk(line)).rejects.toBeInstanceOf(SmtpArgumentError);
      server.finish();
    },
  );

  test("lhlo() sets the capabilities; ehlo() and helo() are SMTP's", async () => {
    const { smtp, server } = await open("C: LHLO me\nS: 250-mx\nS: 250 CHUNKING\nC: NOOP\nS: 250 ok");
    expect((await smtp.lhlo("me")).status).toBe("250");
    expect(smtp.capable("chunking")).toBe(true);
    await expect(smtp.ehlo("me")).rejects.toThrow('Command EHLO is not used where option "lmtp" is true');
    await expect(smtp.helo("me")).rejects.toThrow('Command HELO is not used where option "lmtp" is true');
    await smtp.getOk("NOOP");
    server.finish();
    const plain = new NetSmtp("mx.example", 25);
    await expect(plain.lhlo("me")).rejects.toThrow('Command LHLO is not used where option "lmtp" is false');
  });
});
