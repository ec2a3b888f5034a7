import { HARAKA } from "./subjects.ts";
import { suite } from "./suite.ts";

suite(HARAKA);
