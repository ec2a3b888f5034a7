/**
 * A session's beginning, end and latch (Net::SMTP). The law here: whatever is asked for goes through the session's turns;
 * after a failure inside `critical` nothing is written any more (design.md, law 4); a new start begins with nothing of
 * the old one.
 *
 * @module
 */

import { latched } from "./breaks.ts";
import type { Connection } from "./connection.ts";
import { errorClass, type SmtpError, SmtpSessionError } from "./errors.ts";
import { handshake } from "./handshake.ts";
import { type Endpoint, open } from "./open.ts";
import { resolveOptions, type SmtpOptions, START_OPTIONS, type StartOptions } from "./options.ts";
import { phaseOf } from "./owed.ts";
import type { Capabilities } from "./protocol/capabilities.ts";
import { ehlo, rawCommand, validateLine } from "./protocol/command.ts";
import { DUMMY_RESPONSE, type SmtpResponse } from "./protocol/reply.ts";
import { checkAuthzid, checkCredentials } from "./sasl/credentials.ts";
import { findMechanism, needsNoSecret } from "./sasl/registry.ts";
import { SmtpSettings } from "./settings.ts";
import { debugTranscript } from "./transcript.ts";
import type { Turn } from "./turns.ts";
import { Watch } from "./watch.ts";

/** @ignore The connection of a session, for whoever lends the session out. */
export let connectionOf: (session: SmtpSession) => Connection | undefined;
/** @ignore The connection goes on in another session; this one is not started any more, whoever still holds it. */
export let moveConnection: (from: SmtpSession, to: SmtpSession) => void;

/** A session that can be started and finished, and speaks lines. */
export abstract class SmtpSession extends SmtpSettings {
  static {
    connectionOf = (session) => session.#connection;
    moveConnection = (from, to) => {
      to.#connection = from.#connection;
      to.#endpoint = from.#endpoint;
      from.#connection = undefined;
    };
    // Node and Bun, then Deno: what is inspected shows neither settings nor secrets.
    const value = function (this: SmtpSession): string {
      return this.toString();
    };
    Object.defineProperty(SmtpSession.prototype, Symbol.for("nodejs.util.inspect.custom"), { value });
    Object.defineProperty(SmtpSession.prototype, Symbol.for("Deno.customInspect"), { value });
  }

  #connection: Connection | undefined;
  #endpoint: Endpoint | undefined;
  #starting = false;
  #capabilities: Capabilities | undefined;

  /** True from a successful start to `finish`, also while latched (Net::SMTP#started?). */
  get started(): boolean {
    return this.#connection !== undefined;
  }

  /** True if a failure inside `critical` has latched the session; `finish()` and a new start clear it (Net::SMTP's `@error_occurred`). */
  get errorOccurred(): boolean {
    return this.#connection?.dialogue.halted !== undefined;
  }

  /** What the server offered in its last EHLO; undefined before EHLO and after HELO. Stays readable after a failed login (Net::SMTP#capabilities). */
  get capabilities(): Capabilities | undefined {
    return this.#connection ? this.#connection.capabilities : this.#capabilities;
  }

  /** True if the server offered the extension, in any case; undefined before EHLO (Net::SMTP#capable?). */
  capable(key: string): boolean | undefined {
    return this.capabilities?.has(String(key).toUpperCase());
  }

  /** True if STARTTLS is offered; undefined before EHLO (Net::SMTP#capable_starttls?). */
  get capableStarttls(): boolean | undefined {
    return this.capable("STARTTLS");
  }

  /** The login mechanisms that are offered, in upper case; undefined before EHLO, empty without AUTH (Net::SMTP#capable_auth_types). */
  get capableAuthTypes(): readonly string[] | undefined {
    return this.capabilities && (this.capabilities.get("AUTH") ?? []);
  }

  /** True if the mechanism is offered, in any case, `_` for `-`; undefined before EHLO (Net::SMTP#auth_capable?). */
  authCapable(type: string): boolean | undefined {
    return this.capableAuthTypes?.includes(String(type).toUpperCase().replaceAll("_", "-"));
  }

  /** True if PLAIN is offered; undefined before EHLO (Net::SMTP#capable_plain_auth?). */
  get capablePlainAuth(): boolean | undefined {
    return this.authCapable("PLAIN");
  }

  /** True if LOGIN is offered; undefined before EHLO (Net::SMTP#capable_login_auth?). */
  get capableLoginAuth(): boolean | undefined {
    return this.authCapable("LOGIN");
  }

  /** True if CRAM-MD5 is offered; undefined before EHLO (Net::SMTP#capable_cram_md5_auth?). */
  get capableCramMd5Auth(): boolean | undefined {
    return this.authCapable("CRAM-MD5");
  }

  /**
   * Connects, awaits the greeting, says EHLO, secures the connection and logs in; with a block runs it, finishes, and gives
   * the block's value. The block's value or error always wins: a failing QUIT is nobody's error. Rejects with the error of
   * the step that failed, no connection left; `SmtpSessionError` if started already (Net::SMTP#start).
   */
  start(options?: StartOptions): Promise<this>;
  /** Runs the block in the session. */
  start<T>(options: StartOptions | undefined, block: (smtp: this) => T | Promise<T>): Promise<T>;
  /** Runs the block in the session, started without options. */
  start<T>(block: (smtp: this) => T | Promise<T>): Promise<T>;
  async start<T>(
    options?: StartOptions | ((smtp: this) => T | Promise<T>),
    block?: (smtp: this) => T | Promise<T>,
  ): Promise<this | T> {
    if (typeof options === "function") return await this.start(undefined, options);
    await this.#begin(options);
    if (!block) return this;
    const connection = this.live();
    try {
      return await block(this);
    } catch (error) {
      connection.abandoned = new SmtpSessionError("Session was finished, since its block failed", {
        cause: error,
        retry: "now",
      });
      throw error;
    } finally {
      if (this.#connection === connection) await this.finish();
    }
  }

  async #begin(options: StartOptions | undefined): Promise<void> {
    if (this.#connection || this.#starting) {
      throw new SmtpSessionError("Session is already started: call finish() first", { phase: "connect" });
    }
    const settings = resolveOptions(options as SmtpOptions | undefined, this.settings, START_OPTIONS);
    ehlo(settings.helo);
    if (settings.authType !== undefined) findMechanism(settings.authType, settings.mechanisms);
    const without = needsNoSecret(settings.authType, settings.mechanisms);
    if (settings.user !== undefined || settings.secret !== undefined)
      checkCredentials(settings.user, settings.secret, without);
    checkAuthzid(settings.authzid);
    this.#starting = true;
    this.#capabilities = undefined;
    try {
      const found = this.network();
      const network = found instanceof Promise ? await found : found; // one that was given is not waited for
      const { address, port } = this;
      const place = { connection: crypto.randomUUID(), host: address, port };
      const transcript = debugTranscript(settings.debugOutput, place.connection);
      const watch = new Watch(place, { observe: settings.observe, diagnostics: network.diagnostics, transcript });
      const endpoint = { address, port, settings, timeouts: this.settings, network, transcript: watch.onlooker };
      this.#endpoint = endpoint;
      const connection = await watch.connect(() => this.#opened(endpoint));
      connection.watch = watch;
      this.#connection = connection;
    } finally {
      this.#starting = false;
    }
  }

  async #opened(endpoint: Endpoint): Promise<Connection> {
    const connection = await open(endpoint);
    try {
      await handshake(connection, endpoint);
      return connection;
    } catch (error) {
      connection.drop(error as SmtpError);
      throw error;
    } finally {
      this.#capabilities = connection.capabilities;
    }
  }

  /**
   * Ends the session: everything asked for before is answered, then QUIT, then the connection is closed; while latched,
   * without QUIT. An open manual transaction is given up. Rejects only with `SmtpSessionError`, if not started (Net::SMTP#finish).
   */
  async finish(): Promise<void> {
    const connection = this.live();
    this.#connection = undefined;
    this.#capabilities = connection.capabilities;
    connection.giveUpManual();
    const { turns } = connection;
    const quit = (): Promise<unknown> => this.#sayQuit(connection);
    // In a group QUIT is last, so it may leave with the end of the last message (RFC 2920 3.1).
    void (connection.pipelining ? turns.overlapping(quit) : turns.last(quit));
    await turns.last(() => {
      connection.released();
      connection.dialogue.end();
    });
  }

  /** A QUIT that fails changes nothing of what was answered before. */
  async #sayQuit({ dialogue, quitSaid }: Connection): Promise<void> {
    if (quitSaid || dialogue.refusal() !== undefined) return;
    await dialogue.flight(["QUIT"], [], this.settings.quitTimeout).catch(() => undefined);
  }

  /** Finishes if started: `await using smtp = await new NetSmtp(…).start()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.started) await this.finish();
  }

  /**
   * Runs the block; if it throws, the session is latched and the error thrown on. Holds no turn while it runs. Rejects with
   * `SmtpLatchedError` if the session is latched already (Net::SMTP#critical).
   */
  async critical<T>(block: () => T | Promise<T>): Promise<T> {
    const connection = this.live();
    if (connection.dialogue.halted) throw latched(connection.dialogue.halted);
    try {
      return await block();
    } catch (error) {
      connection.dialogue.halt(error as Error);
      throw error;
    }
  }

  /** The line, if it may be written: no control characters, and ASCII unless the server offers SMTPUTF8. Throws `SmtpArgumentError` (Net::SMTP#validate_line). */
  validateLine(line: string): string {
    return validateLine(line, this.#connection?.offers("SMTPUTF8") ?? false);
  }

  /** Writes the line and gives its reply, whatever it is; while latched the dummy reply. Not for DATA, BDAT, STARTTLS, AUTH, LHLO, under LMTP also HELO, EHLO, MAIL, RCPT, RSET: `SmtpArgumentError` (Net::SMTP#get_response). */
  async getResponse(line: string): Promise<SmtpResponse> {
    const checked = this.validateLine(rawCommand(line, this.settings.lmtp));
    return await this.exchangeOrDummy((connection) => {
      if (connection.manual && phaseOf(checked.trimStart()) === "rcpt") connection.manual.raw = true;
      return connection.dialogue.command(checked);
    });
  }

  /** As `getResponse`, but a reply other than 2xx is thrown by its class (Net::SMTP#getok). */
  async getOk(line: string): Promise<SmtpResponse> {
    return this.expectOk(await this.getResponse(line), line);
  }

  /** Net::SMTP's inspect: `#<NetSmtp localhost:25 started=false>`. */
  override toString(): string {
    return `#<NetSmtp ${this.address}:${this.port} started=${this.started}>`;
  }

  /** @ignore The connection; throws `SmtpSessionError` if there is none. */
  protected live(): Connection {
    if (this.#connection) return this.#connection;
    throw new SmtpSessionError("Session is not started: call start() first", { phase: "connect" });
  }

  /** @ignore Where the live connection goes. */
  protected get endpoint(): Endpoint {
    this.live();
    return this.#endpoint as Endpoint;
  }

  /** @ignore One exchange in its turn. While latched it gives what `whenLatched` gives, else it rejects. */
  protected exchange<T>(run: (connection: Connection, turn: Turn) => Promise<T>, whenLatched?: () => T): Promise<T> {
    const connection = this.live();
    const turns = connection.manual?.turns ?? connection.turns;
    return turns.alone((turn) => {
      const { halted } = connection.dialogue;
      if (!halted) return run(connection, turn);
      if (whenLatched) return whenLatched();
      throw latched(halted);
    });
  }

  /** @ignore As `exchange`; while latched, Net::SMTP's dummy reply. */
  protected exchangeOrDummy(run: (connection: Connection, turn: Turn) => Promise<SmtpResponse>): Promise<SmtpResponse> {
    return this.exchange(run, () => DUMMY_RESPONSE);
  }

  /** @ignore The reply if it is 2xx; else it is thrown by its class, without latching. */
  protected expectOk(reply: SmtpResponse, command: string): SmtpResponse {
    if (reply.success) return reply;
    throw new (errorClass(reply.status))(`Server refused ${command}: ${reply}`, {
      phase: phaseOf(command),
      command,
      response: reply,
    });
  }
}
