/**
 * The accessors of Net::SMTP: address, port, TLS and STARTTLS switches, timeouts. The law here: a setter checks what it is
 * given as an option is checked, acts on a live session where Net::SMTP's does (`readTimeout`), and no secret can be read
 * back from a session.
 *
 * @module
 */

import { NAME } from "./checks.ts";
import { SmtpArgumentError, shown } from "./errors.ts";
import type { SmtpNetwork } from "./net/stream.ts";
import { checkOption, resolveOptions, type Settings, type SmtpOptions, type StarttlsMode } from "./options.ts";
import type { DebugOutput } from "./transcript.ts";

/** Options of the runtime's `tls.connect`, in place of Ruby's SSLContext. */
export type TlsOptions = Readonly<Record<string, unknown>>;

/** What is dialled with unless the option `network` says otherwise; a function loads it when it is needed. */
export type Runtime = SmtpNetwork | (() => Promise<SmtpNetwork>);

/** What a session is set to. */
export abstract class SmtpSettings {
  /** The port of SMTP, 25 (Net::SMTP.default_port). */
  static readonly defaultPort = 25;
  /** The port of submission, 587 (Net::SMTP.default_submission_port). */
  static readonly defaultSubmissionPort = 587;
  /** The port of submission over TLS, 465 (Net::SMTP.default_tls_port). */
  static readonly defaultTlsPort = 465;
  /** The same as `defaultTlsPort` (Net::SMTP.default_ssl_port). */
  static readonly defaultSslPort = 465;

  /** The server's host name or IP address (Net::SMTP#address). */
  readonly address: string;
  /** The server's port (Net::SMTP#port). */
  readonly port: number;
  readonly #settings: Settings;
  readonly #runtime: Runtime;

  /** Checks everything; throws `SmtpArgumentError`. */
  constructor(address: string, port: number, options: SmtpOptions | undefined, runtime: Runtime) {
    checkAddress(address);
    checkPort(port);
    this.address = address;
    this.port = port;
    this.#settings = resolveOptions(options);
    if (this.#settings.tls && this.#settings.starttls === "always") throw exclusive();
    if (this.#settings.lmtp) checkLmtp(this.#settings, port);
    this.#runtime = this.#settings.network ?? runtime;
    if (typeof this.#runtime !== "function") this.#runtime.check?.(this.#settings);
  }

  /** What TLS is spoken with unless options say otherwise (Net::SMTP.default_ssl_context): a verified certificate, TLS 1.2 or later. */
  static defaultTlsContext(): TlsOptions {
    return { minVersion: "TLSv1.2", rejectUnauthorized: true };
  }

  /** @ignore */
  protected get settings(): Settings {
    return this.#settings;
  }

  /** @ignore What is dialled with, a promise only if it must be loaded. Throws `SmtpArgumentError` if it cannot do what the session is set to. */
  protected network(): SmtpNetwork | Promise<SmtpNetwork> {
    const checked = (network: SmtpNetwork): SmtpNetwork => {
      network.check?.(this.#settings);
      return network;
    };
    return typeof this.#runtime === "function" ? this.#runtime().then(checked) : checked(this.#runtime);
  }

  /** True if the session says EHLO (Net::SMTP#esmtp?). */
  get esmtp(): boolean {
    return this.#settings.esmtp;
  }

  /** False says HELO at the next start (Net::SMTP#esmtp=). */
  set esmtp(value: boolean) {
    if (value === false && this.#settings.lmtp) throw noHelo();
    this.#set("esmtp", value);
  }

  /** Milliseconds for DNS, all addresses, TCP and TLS; default 30 000 (Net::SMTP#open_timeout, in seconds). */
  get openTimeout(): number {
    return this.#settings.openTimeout;
  }

  /** Holds from the next start on. */
  set openTimeout(value: number) {
    this.#set("openTimeout", value);
  }

  /** Milliseconds for each reply; default 60 000 (Net::SMTP#read_timeout, in seconds). */
  get readTimeout(): number {
    return this.#settings.readTimeout;
  }

  /** Holds from the next command on, in a live session too. */
  set readTimeout(value: number) {
    this.#set("readTimeout", value);
  }

  /** Where the dialogue is shown, if anywhere (Net::SMTP#debug_output). */
  get debugOutput(): DebugOutput | undefined {
    return this.#settings.debugOutput;
  }

  /** Holds from the next start on; secrets are masked (Net::SMTP#debug_output=). */
  set debugOutput(value: DebugOutput | undefined) {
    checkOption("debugOutput", value);
    this.#settings.debugOutput = value;
  }

  /** The same as setting `debugOutput` (Net::SMTP#set_debug_output). */
  setDebugOutput(output: DebugOutput | undefined): void {
    this.debugOutput = output;
  }

  /** True if TLS is spoken from the first byte (Net::SMTP#tls?). */
  get tls(): boolean {
    return this.#settings.tls;
  }

  /** The same as `tls` (Net::SMTP#ssl?). */
  get ssl(): boolean {
    return this.tls;
  }

  /** TLS from the first byte, from the next start on. Throws `SmtpArgumentError` if STARTTLS is always used (Net::SMTP#enable_tls). */
  enableTls(options?: TlsOptions): void {
    if (this.#settings.starttls === "always") throw exclusive();
    this.#set("tlsOptions", options);
    this.#settings.tls = true;
  }

  /** The same as `enableTls` (Net::SMTP#enable_ssl). */
  enableSsl(options?: TlsOptions): void {
    this.enableTls(options);
  }

  /** No TLS from the first byte (Net::SMTP#disable_tls). */
  disableTls(): void {
    this.#settings.tls = false;
  }

  /** The same as `disableTls` (Net::SMTP#disable_ssl). */
  disableSsl(): void {
    this.disableTls();
  }

  /** When STARTTLS is used (Net::SMTP#starttls?). */
  get starttlsMode(): StarttlsMode {
    return this.#settings.starttls;
  }

  /** True if a server without STARTTLS is an error (Net::SMTP#starttls_always?). */
  get starttlsAlways(): boolean {
    return this.#settings.starttls === "always";
  }

  /** True if STARTTLS is used where it is offered (Net::SMTP#starttls_auto?). */
  get starttlsAuto(): boolean {
    return this.#settings.starttls === "auto";
  }

  /** STARTTLS always, from the next start on. Throws `SmtpArgumentError` if TLS is on (Net::SMTP#enable_starttls). */
  enableStarttls(options?: TlsOptions): void {
    this.#enableStarttls("always", options);
  }

  /** STARTTLS where it is offered; with a login off loopback, always (Net::SMTP#enable_starttls_auto). */
  enableStarttlsAuto(options?: TlsOptions): void {
    this.#enableStarttls("auto", options);
  }

  /** No STARTTLS (Net::SMTP#disable_starttls). */
  disableStarttls(): void {
    this.#settings.starttls = false;
  }

  #enableStarttls(mode: StarttlsMode, options: TlsOptions | undefined): void {
    if (this.#settings.tls) throw exclusive();
    this.#set("tlsOptions", options);
    this.#settings.starttls = mode;
  }

  #set<K extends "esmtp" | "openTimeout" | "readTimeout" | "tlsOptions">(
    name: K,
    value: Settings[K] | undefined,
  ): void {
    checkOption(name, value);
    if (value !== undefined) this.#settings[name] = value;
  }
}

/** LMTP has no HELO and no port of its own, and must not be spoken on port 25 (RFC 2033 4.1, 5). */
function checkLmtp({ esmtp, socketPath, socket }: Settings, port: number): void {
  if (!esmtp) throw noHelo();
  if (port !== SmtpSettings.defaultPort || socketPath !== undefined || socket !== undefined) return;
  const message = `Option "lmtp" is true and the port is ${port}, which is SMTP's, expected the port that the server speaks LMTP on (often 24), or option "socketPath"`;
  throw new SmtpArgumentError(message, { phase: "connect" });
}

function noHelo(): SmtpArgumentError {
  return new SmtpArgumentError('Option "esmtp" is false, expected true with option "lmtp": LMTP has no HELO', {
    phase: "connect",
  });
}

function exclusive(): SmtpArgumentError {
  return new SmtpArgumentError('TLS from the first byte and STARTTLS "always" exclude each other: choose one', {
    phase: "tls",
  });
}

/** Throws `SmtpArgumentError` unless it is a host name, an IP address, or anything else that a resolver may know. */
function checkAddress(address: unknown): asserts address is string {
  if (NAME.holds(address) && (address as string).length <= 255) return;
  throw new SmtpArgumentError(`Parameter "address" is ${shown(address)}, expected a host name or an IP address`, {
    phase: "connect",
  });
}

/** Throws `SmtpArgumentError` unless it is a TCP port. */
function checkPort(port: unknown): asserts port is number {
  if (Number.isInteger(port) && (port as number) > 0 && (port as number) < 65_536) return;
  throw new SmtpArgumentError(`Parameter "port" is ${shown(port)}, expected a whole number from 1 to 65535`, {
    phase: "connect",
  });
}
