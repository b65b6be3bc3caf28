import { createMqttSessionClass } from "../durable-objects/mqtt-session.ts";
import { createOperationContext } from "../functions/boundary/edge.ts";
import { createMqttSessions } from "../services/mqtt-sessions.ts";
import type { Environment } from "./environment.ts";
import type { Compose, Part } from "./part.ts";

export { MqttRetained } from "../durable-objects/mqtt-retained.ts";
export { MqttShare } from "../durable-objects/mqtt-share.ts";

export const mqtt: Part = ({ env }) => ({ ports: { mqttSessions: createMqttSessions(env.MQTT_SESSION) } });

/** An MQTT client's session: the object that keeps it, and the operations that it calls. */
export function createMqttSession(compose: Compose) {
  return createMqttSessionClass<Environment>((env, identity) =>
    createOperationContext(compose(env).edge, identity),
  );
}
