import { readOrCreateSecret, toSettings } from "../scripts/bindings.ts";
import { hasOwnQstash, standInOptions, standInSettings, WORKER_ALIAS } from "../scripts/qstash.ts";
import { SOCKETS, STAND_IN_URL } from "../scripts/workerd-config.ts";

/**
 * The environment of workerd: the Worker's settings, and nothing else of this process's. A secret for tokens, and the keys of the
 * stand-in for QStash, are made once and kept beside the state, where the environment has none.
 */
export function toRuntimeEnvironment(
  environment: NodeJS.ProcessEnv,
  stateDirectory: string,
): Record<string, string> {
  const variables = toSettings(environment);
  for (const { variable, usual } of [SOCKETS.tcp, SOCKETS.mqtt]) {
    variables[variable] = environment[variable] || String(usual);
  }
  if (!variables.JWT_SECRET && !variables.JWKS_URL) {
    variables.JWT_SECRET = readOrCreateSecret(stateDirectory);
  }
  if (hasOwnQstash(environment)) return variables;
  return {
    ...variables,
    PUBLIC_URL: variables.PUBLIC_URL || WORKER_ALIAS,
    ...standInSettings(environment, stateDirectory, STAND_IN_URL),
    ...standInOptions(environment),
    WORKER_ALIAS,
  };
}
