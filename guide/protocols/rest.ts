import type { Protocol } from "../protocol.ts";
import { best, fair, good, poor, step } from "../protocol.ts";

export const rest: Protocol = {
  id: "rest",
  name: "REST",
  summary: "Resources with addresses, changed by HTTP's own verbs: what every tool already speaks.",
  door: undefined,
  needsGateway: false,
  specifications: [
    { name: "RFC 9110, HTTP Semantics", url: "https://www.rfc-editor.org/rfc/rfc9110" },
    { name: "OpenAPI 3.1", url: "https://spec.openapis.org/oas/v3.1.0" },
  ],
  flow: {
    participants: [
      { id: "client", name: "Client", kind: "client" },
      { id: "cache", name: "Cache or CDN", kind: "broker" },
      { id: "server", name: "Everywire", kind: "server" },
      { id: "log", name: "Channel's log", kind: "log" },
    ],
    steps: [
      step("client", "server", "request", "POST /api/v1/orders with Idempotency-Key"),
      step("server", "log", "event", "order.created, in the same transaction"),
      step("server", "client", "answer", "201, Location, ETag"),
      step("client", "cache", "request", "GET with If-None-Match"),
      step("cache", "client", "answer", "304: what you have is still good"),
    ],
  },
  advantages: [
    "Every language, proxy, cache and log understands it.",
    "Caching and conditional requests (ETag, 304, 412) are part of the protocol.",
    "One request is one thing: easy to log, to limit, to repeat with an idempotency key.",
    "OpenAPI describes it, so documentation and clients can be generated.",
  ],
  limits: [
    "The server cannot speak first: news has to be asked for.",
    "A screen that needs five resources makes five requests, or the API grows a sixth for it.",
    "Types live in a document beside the code, and the two can drift apart.",
  ],
  chooseWhen: [
    "records are what it is about, and people you have never met will call it;",
    "answers can be cached;",
    "you cannot ask clients to install anything.",
  ],
  avoidWhen: [
    "clients wait for news: pair it with a stream (SSE, WebSocket) rather than polling;",
    "it is chatter between your own services, where a typed contract saves more than readability.",
  ],
  guarantees: undefined,
  delivery:
    "An answered write is on disk, and its event is on its channel. A POST repeated with the same Idempotency-Key is done once.",
  resume: "There is nothing to resume: repeat the request. Lists go on from next_cursor.",
  cost: {
    connection: "None beyond a kept-alive HTTP connection.",
    event: "A whole request with its headers for each look, whether there is news or not.",
    operation: "The cheapest there is: stateless, cacheable, served by anything.",
  },
  tooling: [
    "curl and every HTTP library",
    "OpenAPI generators, Postman, Swagger UI",
    "browser developer tools",
  ],
  proxies: { passes: "always", why: "It is what proxies were built for." },
  browser: { support: "native", why: "fetch." },
  vias: [],
  example: "curl {url}/api/v1/products?category=electronics",
  fits: {
    crud: best("Verbs, status codes, ETags and caches were made for exactly this."),
    chat: poor("Nothing arrives unless it is asked for, so messages are late or polls are many."),
    "live-updates": poor("The client would poll; use a stream beside it for the news."),
    mobile: good(
      "Small, cacheable and retried safely with an idempotency key, though several round trips a screen.",
    ),
    microservices: good(
      "Everybody can call everybody; the contract is looser and the messages larger than gRPC's.",
    ),
    "public-api": best("No library, no handshake, documented by OpenAPI: strangers can start at once."),
    "file-upload": best("A body on a PUT or POST streams through every proxy, with progress on both ends."),
    games: poor("A request for each frame is far too slow and too large."),
    iot: fair("Fine for a reading an hour; headers outweigh the data, and no command reaches the device."),
    "background-jobs": fair("Good for handing a job in (202 and a Location), but not for doing it."),
  },
};
