/**
 * What we use of Deno (docs.deno.com/api/deno). Not its own types: those and workerd's declare the same globals, and the
 * functions are written against workerd's.
 */
declare namespace Deno {
  const env: { toObject(): Record<string, string> };

  function upgradeWebSocket(request: Request): {
    readonly socket: WebSocket & { readonly bufferedAmount: number };
    readonly response: Response;
  };

  interface ServeHandlerInfo {
    readonly remoteAddr: { readonly transport: string; readonly hostname?: string };
  }

  interface ServeDefaultExport {
    fetch(request: Request, info: ServeHandlerInfo): Response | Promise<Response>;
  }
}
