/**
 * A handler for Hono: `POST /orders/:id/receipt` sends a receipt, once, and answers by its fate. `app(…).fetch` is what
 * `Deno.serve`, `Bun.serve` and Hono's adapter for Node take.
 *
 * @module
 */

import { Hono } from "hono";
import type { Order, Receipts } from "./support/receipts.ts";

/** An application; `orders` finds an order of the visitor by its id. */
export function app(receipts: Receipts, orders: (id: string) => Order | undefined): Hono {
  const made = new Hono();
  made.post("/orders/:id/receipt", async (context) => {
    const order = orders(context.req.param("id"));
    if (!order) return context.json({ receipt: "no such order" }, 404);
    const { status, body, retryAfter } = await receipts.send(order);
    if (retryAfter !== undefined) context.header("Retry-After", `${retryAfter}`);
    return context.json(body, status);
  });
  return made;
}
