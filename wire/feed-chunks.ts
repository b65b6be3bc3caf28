/** A chunk costs a trip through the stream, while one that is too large would hide whether its reader still reads. */
const CHUNK_CHARACTERS = 64 * 1024;

/** Joins what records become, in as few texts as their size allows. Each is made when it is asked for. */
export function* toChunks<R>(
  records: readonly R[],
  encodeRecord: (record: R) => string,
): Generator<string, void> {
  let chunk = "";
  for (const record of records) {
    chunk += encodeRecord(record);
    if (chunk.length >= CHUNK_CHARACTERS) {
      yield chunk;
      chunk = "";
    }
  }
  if (chunk !== "") yield chunk;
}
