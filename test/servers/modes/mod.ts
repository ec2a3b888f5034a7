/**
 * Every mode, in the order of the table.
 *
 * @module
 */

import { CONTENTS } from "./contents.ts";
import { CROWD } from "./crowd.ts";
import type { Mode } from "./mode.ts";
import { RECIPIENTS } from "./recipients.ts";
import { SESSIONS } from "./sessions.ts";
import { TALKING } from "./talking.ts";

/** All of them. */
export const MODES: readonly Mode[] = [...TALKING, ...SESSIONS, ...RECIPIENTS, ...CONTENTS, ...CROWD];
