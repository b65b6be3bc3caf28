/** The version that `/capabilities` and the OpenAPI document name; the same as in package.json. */
export const VERSION = "0.1.0";
