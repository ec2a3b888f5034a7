import { DOVECOT } from "./subjects.ts";
import { suite } from "./suite.ts";

suite(DOVECOT);
