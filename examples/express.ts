/**
 * A handler for Express: `POST /orders/:id/receipt` sends a receipt, once, and answers by its fate.
 *
 *     SMTP_PASS=… node build/examples/express.js HOST PORT      (compiled by `npm start`)
 *
 * @module
 */

import { argv, env } from "node:process";
import { pathToFileURL } from "node:url";
import express, { type Express } from "express";
import { NetSmtpPool } from "../mod.ts";
import { MemoryLedger, type Order, Receipts } from "./support/receipts.ts";

/** An application; `orders` finds an order of the visitor by its id. */
export function app(receipts: Receipts, orders: (id: string) => Order | undefined): Express {
  const made = express();
  made.post("/orders/:id/receipt", async (request, response) => {
    const order = orders(request.params.id);
    if (!order) return void response.status(404).json({ receipt: "no such order" });
    const { status, body, retryAfter } = await receipts.send(order);
    if (retryAfter !== undefined) response.set("Retry-After", `${retryAfter}`);
    response.status(status).json(body);
  });
  return made;
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  const [host = "localhost", port = "587"] = argv.slice(2);
  const login = env.SMTP_PASS === undefined ? {} : { user: env.SMTP_USER ?? "me", secret: env.SMTP_PASS };
  const pool = new NetSmtpPool(host, Number(port), { ...login, attempts: 2, deadline: 20_000, maxPending: 100 });
  const receipts = new Receipts(pool, new MemoryLedger(), "shop@example.com");
  app(receipts, (id) => ({ id, email: "you@example.com", total: "12.00" })).listen(3000);
}
