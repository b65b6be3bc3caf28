import { DurableObject } from "cloudflare:workers";

export class Qstash extends DurableObject {}

export default {
  fetch: () => Response.json({ error: "not implemented" }, { status: 501 }),
} satisfies ExportedHandler;
