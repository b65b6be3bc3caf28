/** Beyond what any event or call may have: a larger message is neither copied nor sent on, so that huge ones do not add up. */
export const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;
