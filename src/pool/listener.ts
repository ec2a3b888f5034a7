/**
 * What the pool is told of its sessions. The law here: it is told of what has happened, and decides nothing of it.
 *
 * @module
 */

import type { SmtpResponse } from "../protocol/reply.ts";
import type { SmtpStats } from "../stats.ts";
import type { Identity } from "./identity.ts";

/** Who hears of what happens. */
export interface Listener {
  /** What counts. */
  readonly stats: SmtpStats;
  /** Something has settled: whoever waits for that looks again. */
  changed(): void;
  /** The server asked for a pause. */
  throttled(delay: number, response: SmtpResponse | undefined): void;
  /** Nothing has to be remembered of an identity. */
  forget(identity: Identity): void;
}
