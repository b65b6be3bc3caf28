import { toGetUser } from "../../grpc-message.ts";

/** The records that the peers' programs hold: `servers/product_store.py`, `product-store.js`, `user-store.js`. */
export const PRODUCT_ID = "prd_0mwqcyxusp1xz1appt4tv";
export const USER_ID = "usr_0mwqcyxwl25prhassqyvb";

/** `GetUserRequest{id}` of that user, encoded. */
export const GET_USER = toGetUser(USER_ID);
