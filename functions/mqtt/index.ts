import { mountMethods } from "../boundary/methods.ts";
import type { Door } from "../door.ts";
import { openMqttSocket, PATH, serveMqttSocket } from "./handler.ts";

export const door: Door = {
  name: "mqtt",
  summary:
    "MQTT 3.1.1 and 5 over TCP and WebSocket: QoS 0 to 2, wildcards, retained, wills, sessions that last",
  example: "mosquitto_sub -p 7183 -V 5 -t demo/hello",
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
  needs: ["mqtt"],
  tcp: { port: "MQTT_PORT", serve: serveMqttSocket },
  mount(app) {
    mountMethods(app, PATH, { GET: openMqttSocket });
  },
};
