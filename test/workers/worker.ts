/**
 * The Worker that the tests run in workerd: a request says what to do, its answer says what became of it. What is asked for
 * stands in the path, with what in the body.
 *
 * @module
 */

import {
  type Delivery,
  isSmtpError,
  NetSmtp,
  NetSmtpPool,
  networkOver,
  type PoolOptions,
  type SmtpOptions,
  type WorkersConnect,
} from "../../src/workers/mod.ts";

/** What is asked for. */
export interface Job {
  /** Where to. */
  address: string;
  port: number;
  options?: PoolOptions;
  /** The message, base64. */
  message?: string;
  from?: string;
  to?: string[];
  /** How many messages. */
  count?: number;
  /** The message has this many octets more. */
  extra?: number;
  /** Milliseconds until the signal aborts. */
  abortAfter?: number;
}

/** What became of it. */
export interface Outcome {
  delivery?: {
    recipients: { address: string; fate: string; status?: string }[];
    tls: boolean;
    warnings: string[];
    size: number;
  };
  error?: Told;
  fates?: string[];
  value?: unknown;
}

/** An error as JSON. */
export interface Told {
  name: string;
  message: string;
  code?: string;
  phase?: string;
  fate?: string;
  retry?: string;
  cause?: string;
  recipients?: { address: string; fate: string; status?: string }[];
}

const DEFAULTS = { from: "a@x.example", to: ["b@y.example"] };

/** Kept beyond a request, which is what a program must not do. */
const kept: { smtp?: NetSmtp; pool?: NetSmtpPool } = {};

const jobs: Record<string, (job: Job) => Promise<Outcome>> = {
  async send(job) {
    const { from, to } = { ...DEFAULTS, ...job };
    const { signal, options } = aborting(job);
    return await NetSmtp.start(job.address, job.port, options, async (smtp) => {
      return { delivery: told(await smtp.sendMessage(content(job), from, to, { signal })) };
    });
  },
  /** Only STARTTLS, command by command. */
  async starttls(job) {
    const smtp = new NetSmtp(job.address, job.port, { ...job.options, starttls: false });
    await smtp.start();
    await smtp.starttls();
    const reply = await smtp.ehlo("localhost");
    await smtp.finish();
    return { value: `${reply}` };
  },
  async pool(job) {
    const { from, to, count = 1 } = { ...DEFAULTS, ...job };
    const pool = new NetSmtpPool(job.address, job.port, job.options);
    const sent = Array.from({ length: count }, (_, at) =>
      pool.sendMessage(`Subject: ${at}\r\n\r\n${at}\r\n`, from, to),
    );
    const fates = (await Promise.all(sent)).flatMap(({ recipients }) => recipients.map(({ fate }) => fate));
    await pool.close();
    return { fates, value: `${pool}` };
  },
  async make(job) {
    const makers = [NetSmtp, NetSmtpPool];
    return { value: makers.map((Maker) => thrownBy(() => new Maker(job.address, job.port, job.options))) };
  },
  async later(job) {
    const smtp = new NetSmtp(job.address, job.port);
    smtp.enableTls({ ca: "…" });
    await smtp.start();
    return {};
  },
  async keep(job) {
    kept.smtp = await new NetSmtp(job.address, job.port, job.options).start();
    kept.pool = new NetSmtpPool(job.address, job.port, job.options);
    await kept.pool.sendMessage(content(job), DEFAULTS.from, DEFAULTS.to);
    return { value: `${kept.smtp} ${kept.pool}` };
  },
  async useKept(job) {
    return { delivery: told(await (kept.smtp as NetSmtp).sendMessage(content(job), DEFAULTS.from, DEFAULTS.to)) };
  },
  async useKeptPool(job) {
    return { delivery: told(await (kept.pool as NetSmtpPool).sendMessage(content(job), DEFAULTS.from, DEFAULTS.to)) };
  },
  /** A socket of the caller's, and a network over the caller's `connect`. */
  async supplied(job) {
    const { connect } = await sockets();
    const socket = connect(
      { hostname: job.address, port: job.port },
      { secureTransport: "starttls", allowHalfOpen: true },
    );
    const options: SmtpOptions = { ...job.options, socket };
    return await NetSmtp.start(job.address, job.port, options, async (smtp) => {
      return { delivery: told(await smtp.sendMessage(content(job), DEFAULTS.from, DEFAULTS.to)) };
    });
  },
  async over(job) {
    const { connect } = await sockets();
    const asked: unknown[] = [];
    const network = networkOver((address, options) => {
      asked.push(address);
      return connect({ ...address, port: job.port }, options);
    });
    await NetSmtp.start("127.0.0.1", 2525, { ...job.options, network }, async (smtp) => {
      await smtp.sendMessage(content(job), DEFAULTS.from, DEFAULTS.to);
    });
    return { value: asked };
  },
  async runtime() {
    const { Buffer, process } = globalThis as { Buffer?: unknown; process?: unknown };
    return { value: [typeof Buffer, typeof process, navigator.userAgent] };
  },
};

const worker: { fetch(request: Request): Promise<Response> } = {
  async fetch(request) {
    const name = new URL(request.url).pathname.slice(1);
    const job = (await request.json()) as Job;
    try {
      return Response.json(await (jobs[name] as (job: Job) => Promise<Outcome>)(job));
    } catch (error) {
      return Response.json({ error: toldError(error) } satisfies Outcome);
    }
  },
};

export default worker;

async function sockets(): Promise<{ connect: WorkersConnect }> {
  // @ts-expect-error: the runtime's
  return (await import("cloudflare:sockets")) as { connect: WorkersConnect };
}

function aborting({ options, abortAfter }: Job): { signal: AbortSignal | undefined; options: SmtpOptions } {
  if (abortAfter === undefined) return { signal: undefined, options: options ?? {} };
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("enough")), abortAfter);
  return { signal: undefined, options: { ...options, signal: controller.signal } };
}

function content({ message = btoa("Subject: hi\r\n\r\nhello\r\n"), extra = 0 }: Job): Uint8Array {
  const head = Uint8Array.from(atob(message), (character) => character.charCodeAt(0));
  const line = new TextEncoder().encode(`${"x".repeat(76)}\r\n`);
  const whole = new Uint8Array(head.length + Math.ceil(extra / line.length) * line.length);
  whole.set(head);
  for (let at = head.length; at < whole.length; at += line.length) whole.set(line, at);
  return whole;
}

function told({ recipients, tls, warnings, size }: Delivery): NonNullable<Outcome["delivery"]> {
  return { recipients: recipients.map(recipient), tls, warnings, size };
}

function recipient({
  address,
  fate,
  response,
}: Delivery["recipients"][number]): NonNullable<Told["recipients"]>[number] {
  return { address, fate, ...(response && { status: response.status }) };
}

function toldError(error: unknown): Told {
  const { name, message, cause } = error as Error;
  const shown = { name, message, ...(cause !== undefined && { cause: `${cause}` }) };
  if (!isSmtpError(error)) return shown;
  const { code, phase, fate, retry, recipients = [] } = error;
  return { ...shown, code, phase, fate, retry, recipients: recipients.map(recipient) };
}

function thrownBy(run: () => unknown): Told | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return toldError(error);
  }
}
