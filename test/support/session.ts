/**
 * A started NetSmtp on a played stream: the greeting and EHLO are played first.
 *
 * @module
 */

import { NetSmtp, type SmtpOptions, type StartOptions } from "../../mod.ts";
import { network, type PlayedServer, type PlayOptions, play } from "./play.ts";

/** Greeting and EHLO of a server that offers the extensions. */
export function hello(...extensions: readonly string[]): string {
  const lines = ["mx.example", ...extensions];
  const said = lines.map((line, index) => `S: 250${index < lines.length - 1 ? "-" : " "}${line}`);
  return ["S: 220 mx.example ready", "C: EHLO localhost", ...said].join("\n");
}

/** MAIL, RCPT and DATA in one group, all taken: what most transcripts begin with. */
export const ENVELOPE: string = `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go`;

/** What a test works with. */
export interface PlayedSession {
  /** The started session. */
  smtp: NetSmtp;
  /** The server that it talks to. */
  server: PlayedServer;
}

/** How the session is made. */
export interface PlayedSessionOptions {
  /** What the server offers. Default: PIPELINING. */
  extensions?: readonly string[];
  /** The session's options. */
  options?: SmtpOptions;
  /** The start's options. */
  start?: StartOptions;
  /** The stream's. */
  stream?: PlayOptions;
  /** The host. Default: mx.example. */
  address?: string;
}

/** Starts a session against `hello()` and the script. */
export async function session(script: string, settings: PlayedSessionOptions = {}): Promise<PlayedSession> {
  const { extensions = ["PIPELINING"], options, start, stream, address = "mx.example" } = settings;
  const server = play(`${hello(...extensions)}\n${trimmed(script)}`, stream);
  const smtp = new NetSmtp(address, 25, { ...options, network: network(server) });
  await smtp.start(start);
  return { smtp, server };
}

function trimmed(script: string): string {
  return script
    .split("\n")
    .map((line) => line.trimStart())
    .join("\n");
}
