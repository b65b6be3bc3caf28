import type { Check } from "./check.ts";
import { reasonOf } from "./check.ts";
import type { Address } from "./exchange.ts";
import { AMQP_HEADER, exchange, MQTT_CONNECT } from "./exchange.ts";

interface Service {
  readonly name: string;
  /** The variable that says where it is. */
  readonly variable: string;
  readonly port: number;
  readonly hello: string | Uint8Array;
  readonly isAnswer: (bytes: Buffer) => boolean;
  readonly use: string;
  readonly remedy: string;
}

/** What Everywire can work with and does not need. */
const SERVICES: readonly Service[] = [
  {
    name: "redis",
    variable: "REDIS_URL",
    port: 6379,
    hello: "PING\r\n",
    // It asks for a password rather than answering, which is an answer too.
    isAnswer: (bytes) => /^(\+PONG|-NOAUTH)/.test(bytes.toString("latin1")),
    use: "records in Upstash Redis, and its tests",
    remedy: "apt-get install redis-server (brew install redis), then redis-server",
  },
  {
    name: "rabbitmq",
    variable: "AMQP_URL",
    port: 5672,
    hello: AMQP_HEADER,
    isAnswer: (bytes) => bytes[0] === 1,
    use: "the AMQP bridge",
    remedy: "apt-get install rabbitmq-server (brew install rabbitmq), then AMQP_URL=amqp://localhost",
  },
  {
    name: "mosquitto",
    variable: "MQTT_BRIDGE_URL",
    port: 1883,
    hello: MQTT_CONNECT,
    isAnswer: (bytes) => bytes[0] === 0x20,
    use: "the bridge to another MQTT broker",
    remedy: "apt-get install mosquitto (brew install mosquitto), then MQTT_BRIDGE_URL=mqtt://localhost",
  },
];

/** Whether the services are there that Everywire can work with. None is needed. */
export async function checkServices(environment: NodeJS.ProcessEnv): Promise<readonly Check[]> {
  return Promise.all(SERVICES.map((service) => checkService(service, environment[service.variable])));
}

async function checkService(service: Service, url: string | undefined): Promise<Check> {
  const { name, hello, isAnswer, use, remedy } = service;
  const address = toAddress(url, service.port);
  const where = `${address.host}:${address.port}`;
  // Who has named one wants it; without that it is only nice to know.
  const absent = url === undefined || url === "" ? "off" : "missing";
  try {
    const bytes = await exchange(address, hello);
    if (isAnswer(bytes)) return { group: "services", name, status: "ok", detail: `${where}, for ${use}` };
    return {
      group: "services",
      name,
      status: "failed",
      detail: `${where} answers, and is something else`,
      remedy,
    };
  } catch (thrown) {
    return {
      group: "services",
      name,
      status: absent,
      detail: `${where}: ${reasonOf(thrown)}; for ${use}`,
      remedy,
    };
  }
}

function toAddress(url: string | undefined, usual: number): Address {
  const parsed = url && URL.canParse(url) ? new URL(url) : undefined;
  return { host: parsed?.hostname || "127.0.0.1", port: Number(parsed?.port || usual) };
}
