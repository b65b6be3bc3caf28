/** What this needs of the browser's WebTransport (W3C), so that no runtime's own types are needed. */
export interface WebTransportLike {
  readonly ready: Promise<unknown>;
  readonly closed: Promise<unknown>;
  readonly draining?: Promise<unknown>;
  /** The subprotocol that the server chose; undefined in browsers that cannot negotiate one. */
  readonly protocol?: string;
  readonly incomingUnidirectionalStreams: ReadableStream<ReadableStream<Uint8Array>>;
  readonly datagrams: {
    readonly readable: ReadableStream<Uint8Array>;
    readonly writable?: WritableStream<Uint8Array>;
    createWritable?(): WritableStream<Uint8Array>;
    readonly maxDatagramSize: number;
  };
  createBidirectionalStream(): Promise<{
    readonly readable: ReadableStream<Uint8Array>;
    readonly writable: WritableStream<Uint8Array>;
  }>;
  close(info?: { readonly closeCode: number; readonly reason: string }): void;
}

export interface WebTransportConstructor {
  new (
    url: string,
    options: {
      readonly protocols?: readonly string[];
      readonly serverCertificateHashes?: readonly {
        readonly algorithm: "sha-256";
        readonly value: Uint8Array;
      }[];
    },
  ): WebTransportLike;
  readonly prototype: WebTransportLike;
}
