/** How a request's messages come. */
export interface RequestForm {
  /** gRPC-Web's base64. */
  readonly isText: boolean;
  /** In envelopes, as in gRPC-Web and on Connect's streams; otherwise the body is the message. */
  readonly isEnveloped: boolean;
  /** What the Connect library is told: it knows no text form. */
  readonly binaryType: string;
}

const TEXT = /^application\/grpc-web-text(?:\+(proto|json))?(?=;|$)/i;
const ENVELOPED = /^application\/(?:grpc|connect\+)/i;

export function parseContentType(header: string | null): RequestForm {
  const type = (header ?? "").trim();
  const match = TEXT.exec(type);
  if (match === null) return { isText: false, isEnveloped: ENVELOPED.test(type), binaryType: type };
  return {
    isText: true,
    isEnveloped: true,
    binaryType: `application/grpc-web+${(match[1] ?? "proto").toLowerCase()}`,
  };
}

/** The text form of a binary answer's type. */
export function toTextType(contentType: string): string {
  return contentType.replace(/^application\/grpc-web(?!-)/, "application/grpc-web-text");
}
