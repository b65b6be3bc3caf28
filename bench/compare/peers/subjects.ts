import type { Peer } from "./peer.ts";
import { everywire } from "./subjects/everywire.ts";
import { aedes, mosquittoInMemory, mosquittoPersistent } from "./subjects/mqtt-brokers.ts";
import { nchan } from "./subjects/nchan.ts";
import {
  connectNode,
  durableStreams,
  fastify,
  grpcJs,
  nodeHttp,
  socketIo,
  ws,
  yoga,
} from "./subjects/node.ts";
import { fastapi, flaskDevelopment, flaskGunicorn, flaskSocketIo, grpcio } from "./subjects/python.ts";
import { rabbitMqByAmqplib, rabbitMqByPika } from "./subjects/rabbitmq.ts";
import { upstashAlways, upstashEverysec } from "./subjects/redis.ts";

/** All that are measured, Everywire first; the order is that of the tables. */
export const SUBJECTS: readonly Peer[] = [
  everywire,
  flaskDevelopment,
  flaskGunicorn,
  fastapi,
  fastify,
  nodeHttp,
  upstashAlways,
  upstashEverysec,
  durableStreams,
  nchan,
  rabbitMqByAmqplib,
  rabbitMqByPika,
  ws,
  socketIo,
  flaskSocketIo,
  yoga,
  grpcio,
  grpcJs,
  connectNode,
  mosquittoInMemory,
  mosquittoPersistent,
  aedes,
];

/** What was looked for and cannot be had as a package: in no run, with the reason. */
export const NOT_TO_BE_HAD: readonly { readonly name: string; readonly reason: string }[] = [
  {
    name: "Mercure",
    reason:
      "Debian has no package of it, npm's `mercure` is another program, and building it needs a Go toolchain",
  },
  {
    name: "Centrifugo",
    reason: "neither Debian nor npm has a package of it, and building it needs a Go toolchain",
  },
  { name: "strawberry", reason: "not in Debian 12; graphene is the Python stack for GraphQL there" },
];
