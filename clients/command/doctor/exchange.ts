import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";

/** Long enough for a machine under load, short enough to wait for. */
const DEADLINE_MS = 2500;

export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Connects by TCP, says something, and gives the first bytes that come back.
 *
 * @throws Error where nothing listens or nothing is said in time
 */
export function exchange({ host, port }: Address, hello: string | Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const end = (settle: () => void) => {
      clearTimeout(timer);
      socket.destroy();
      settle();
    };
    const timer = setTimeout(() => end(() => reject(new Error("it does not answer"))), DEADLINE_MS);
    socket.on("connect", () => socket.write(hello));
    socket.on("data", (chunk) => end(() => resolve(chunk)));
    socket.on("error", (error) => end(() => reject(error)));
    socket.on("close", () => end(() => reject(new Error("it hangs up"))));
  });
}

/** Sends a datagram until one comes back. @throws Error where none does in time */
export function exchangeDatagram({ host, port }: Address, hello: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    const send = () => socket.send(hello, () => {});
    const resending = setInterval(send, DEADLINE_MS / 4);
    const end = (settle: () => void) => {
      clearInterval(resending);
      clearTimeout(timer);
      socket.close();
      settle();
    };
    const timer = setTimeout(() => end(() => reject(new Error("it does not answer"))), DEADLINE_MS);
    socket.on("message", (bytes) => end(() => resolve(bytes)));
    socket.on("error", (error) => end(() => reject(error)));
    socket.connect(port, host, send);
  });
}

/** Opens TLS, and gives the protocol that was agreed on and how long the certificate is good. @throws Error */
export function greetTls({
  host,
  port,
}: Address): Promise<{ readonly protocol: string; readonly validTo: string }> {
  return new Promise((resolve, reject) => {
    // The certificate of a development gateway is its own: who it is does not matter here, only that it is there.
    const socket = connectTls({ host, port, ALPNProtocols: ["h2", "http/1.1"], rejectUnauthorized: false });
    const end = (settle: () => void) => {
      clearTimeout(timer);
      socket.destroy();
      settle();
    };
    const timer = setTimeout(() => end(() => reject(new Error("it does not answer"))), DEADLINE_MS);
    socket.on("secureConnect", () => {
      const protocol = socket.alpnProtocol || "no ALPN";
      const validTo = socket.getPeerCertificate().valid_to;
      end(() => resolve({ protocol, validTo }));
    });
    socket.on("error", (error) => end(() => reject(error)));
  });
}

/** CONNECT of MQTT 3.1.1, clean, as a client of no name: what every broker answers by CONNACK. */
export const MQTT_CONNECT = Uint8Array.of(0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 10, 0, 0);

/** The protocol header of AMQP 0-9-1, which a broker answers by Connection.Start. */
export const AMQP_HEADER = Uint8Array.of(0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1);
