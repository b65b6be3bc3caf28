/** The store of resources (CONTRACT §3). */
export interface Records {
  /** The user that an order belongs to; undefined where there is no such order. */
  orderOwner(orderId: string): Promise<string | undefined>;
}
