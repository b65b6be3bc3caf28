/** What the tests use of the package `xhr2`, which has no types of its own. */
declare module "xhr2" {
  export class XMLHttpRequest {
    responseText: string | null;
    /** Not public; called with each chunk of the response's body. */
    _onHttpResponseData(response: unknown, chunk: Buffer): void;
    /** Not public; dispatches `readystatechange`. */
    _setReadyState(state: number): void;
  }
}
