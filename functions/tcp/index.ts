import { mountMethods } from "../boundary/methods.ts";
import type { Door } from "../door.ts";
import { handleUpgrade, serveLines } from "./handler.ts";

export const door: Door = {
  name: "tcp",
  summary: "JSON lines over TCP: publish and follow many channels on one connection",
  example: `echo '{"op":"publish","channel":"demo/hello","type":"greeting","data":"hi"}' | nc -N {host} {TCP_PORT}`,
  guarantees: {
    publish: true,
    subscribe: true,
    resume: true,
    ordering: true,
    dedupe: true,
    binary: true,
    presence: false,
    limits: true,
  },
  needs: [],
  mount(app) {
    mountMethods(app, "/tcp", { GET: handleUpgrade });
  },
  tcp: { port: "TCP_PORT", serve: serveLines },
};
