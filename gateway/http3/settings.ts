import type { GatewayLimits } from "../limits.ts";

/** Identifiers of settings (RFC 9114 §7.2.4.1, RFC 9204 §5, RFC 9220 §3, RFC 9297 §2.1.1). */
const QPACK_MAX_TABLE_CAPACITY = 0x01;
const MAX_FIELD_SECTION_SIZE = 0x06;
const QPACK_BLOCKED_STREAMS = 0x07;
const ENABLE_CONNECT_PROTOCOL = 0x08;
const H3_DATAGRAM = 0x33;
/** What browsers before RFC 9297 asked for, and some still do. */
const H3_DATAGRAM_DRAFT04 = 0xffd277;
/** WebTransport of draft 02, of draft 07, and of draft 14 (how many sessions). */
const ENABLE_WEBTRANSPORT = 0x2b603742;
const WEBTRANSPORT_MAX_SESSIONS = 0xc671706a;

/** What we tell every client first. */
export function listSettings(limits: GatewayLimits): readonly (readonly [id: number, value: number])[] {
  return [
    [QPACK_MAX_TABLE_CAPACITY, 0],
    [QPACK_BLOCKED_STREAMS, 0],
    [MAX_FIELD_SECTION_SIZE, limits.MAX_HEADER_BYTES],
    [ENABLE_CONNECT_PROTOCOL, 1],
    [H3_DATAGRAM, 1],
    [H3_DATAGRAM_DRAFT04, 1],
    [ENABLE_WEBTRANSPORT, 1],
    [WEBTRANSPORT_MAX_SESSIONS, limits.MAX_CONNECTION_SESSIONS],
  ];
}
