import type { DescFile, DescService } from "@bufbuild/protobuf";
import { createRegistry, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { Code } from "@connectrpc/connect";
import { ERROR_TABLE, EverywireError } from "../../core/error.ts";
import { file_google_rpc_error_details } from "../../proto/gen/google/rpc/error_details_pb.ts";
import type { ServerReflectionRequest } from "../../proto/gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection } from "../../proto/gen/grpc/reflection/v1/reflection_pb.ts";
import type { ServerReflectionRequest as AlphaRequest } from "../../proto/gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { ServerReflection as AlphaServerReflection } from "../../proto/gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { callOf } from "./call.ts";

type Request = Pick<ServerReflectionRequest | AlphaRequest, "host" | "messageRequest">;

/** grpc.reflection, v1 and v1alpha, which differ in nothing but their name: schemas for `buf curl` and its like. */
export function addReflection(router: ConnectRouter, services: readonly DescService[]): void {
  const listed = [...services, ServerReflection, AlphaServerReflection];
  const reflect = createReflection(listed, [
    ...listed.map(({ file }) => file),
    // No message refers to it: it comes in the details of errors.
    file_google_rpc_error_details,
  ]);
  router.service(ServerReflection, {
    async *serverReflectionInfo(requests, context) {
      for await (const request of requests) {
        yield { ...toReply(request), messageResponse: await admitted(context, () => reflect(request)) };
      }
    },
  });
  router.service(AlphaServerReflection, {
    async *serverReflectionInfo(requests, context) {
      for await (const request of requests) {
        yield { ...toReply(request), messageResponse: await admitted(context, () => reflect(request)) };
      }
    },
  });
}

/** Counts a question as a request: an answer is many times as long. One that is refused is told so, and the call goes on. */
async function admitted(context: HandlerContext, answer: () => Reply): Promise<Reply> {
  try {
    await callOf(context).takeRequest();
  } catch (thrown) {
    const { code, message } = EverywireError.from(thrown);
    return { case: "errorResponse", value: { errorCode: ERROR_TABLE[code].grpc, errorMessage: message } };
  }
  return answer();
}

type Reply =
  | {
      readonly case: "fileDescriptorResponse";
      readonly value: { readonly fileDescriptorProto: Uint8Array[] };
    }
  | {
      readonly case: "allExtensionNumbersResponse";
      readonly value: { readonly baseTypeName: string; readonly extensionNumber: number[] };
    }
  | {
      readonly case: "listServicesResponse";
      readonly value: { readonly service: { readonly name: string }[] };
    }
  | {
      readonly case: "errorResponse";
      readonly value: { readonly errorCode: number; readonly errorMessage: string };
    };

/** `originalRequest` is there to tell answers apart. */
function toReply<R extends Request>(request: R) {
  return { validHost: request.host, originalRequest: request };
}

function createReflection(services: readonly DescService[], files: readonly DescFile[]) {
  const all = withDependencies(files);
  const registry = createRegistry(...all);
  const byName = new Map(all.map((file) => [file.proto.name, file]));
  const fileOf = (file: DescFile | undefined): Reply =>
    file === undefined
      ? notFound()
      : { case: "fileDescriptorResponse", value: { fileDescriptorProto: encode(file) } };
  return ({ messageRequest }: Request): Reply => {
    switch (messageRequest.case) {
      case "fileByFilename":
        return fileOf(byName.get(messageRequest.value));
      case "fileContainingSymbol": {
        const name = messageRequest.value.replace(/^\./, "");
        // `package.Service.Method` is a symbol too, and so is a field.
        const found = registry.get(name) ?? registry.get(name.slice(0, Math.max(0, name.lastIndexOf("."))));
        return fileOf(found?.file);
      }
      case "fileContainingExtension": {
        const message = registry.getMessage(messageRequest.value.containingType);
        return fileOf(
          message && registry.getExtensionFor(message, messageRequest.value.extensionNumber)?.file,
        );
      }
      case "allExtensionNumbersOfType": {
        const baseTypeName = messageRequest.value;
        if (registry.getMessage(baseTypeName) === undefined) return notFound();
        return { case: "allExtensionNumbersResponse", value: { baseTypeName, extensionNumber: [] } };
      }
      case "listServices":
        return {
          case: "listServicesResponse",
          value: { service: services.map(({ typeName }) => ({ name: typeName })) },
        };
      default:
        return {
          case: "errorResponse",
          value: { errorCode: Code.InvalidArgument, errorMessage: "Nothing was asked." },
        };
    }
  };
}

function notFound(): Reply {
  return {
    case: "errorResponse",
    value: { errorCode: Code.NotFound, errorMessage: "There is no such symbol." },
  };
}

/** A file and all that it imports, so that one answer is enough to build it. */
function encode(file: DescFile): Uint8Array[] {
  return withDependencies([file]).map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
}

function withDependencies(
  files: readonly DescFile[],
  seen = new Map<string, DescFile>(),
): readonly DescFile[] {
  for (const file of files) {
    if (seen.has(file.name)) continue;
    seen.set(file.name, file);
    withDependencies(file.dependencies, seen);
  }
  return [...seen.values()];
}
