const TEXT = /^application\/grpc-web-text(?:\+(proto|json))?(?=;|$)/i;

/** The binary type behind gRPC-Web's text form; undefined where the request is not in it. */
export function toBinaryType(contentType: string | null): string | undefined {
  const match = TEXT.exec((contentType ?? "").trim());
  return match === null ? undefined : `application/grpc-web+${(match[1] ?? "proto").toLowerCase()}`;
}

/** The text form of a binary answer. */
export function toTextType(contentType: string): string {
  return contentType.replace(/^application\/grpc-web(?!-)/, "application/grpc-web-text");
}
