/** Where a server that is measured can be reached. */
export interface Place {
  /** The Worker, without a slash at the end. */
  readonly url: string;
  readonly host: string;
  readonly httpPort: number;
  readonly tcpPort: number;
  readonly mqttPort: number;
  /** The gateway's; undefined where it does not run. */
  readonly gateway: GatewayPlace | undefined;
  /** Of an admin: endpoints of webhooks and records need one. */
  readonly token: string;
  /** The address that readers connect from, where one is set: packets to it are lost on purpose. */
  readonly readerHost?: string;
}

export interface GatewayPlace {
  readonly grpcPort: number;
  readonly udpPort: number;
  readonly tlsPort: number;
  /** SHA-256 of its certificate, in base64: what WebTransport takes it by. */
  readonly certificateHash: string;
  /** Why it has no HTTP/3, where it has none. */
  readonly http3Missing: string | undefined;
}

/** Bytes at the socket, frames and headers included. */
export interface Traffic {
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** The gateway's place. @throws Error where it does not run */
export function gatewayOf(place: Place): GatewayPlace {
  if (place.gateway === undefined) throw new Error("This door is the gateway's, which does not run.");
  return place.gateway;
}
