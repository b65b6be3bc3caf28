import { LUA_KEYS } from "./redis-lua.ts";

/**
 * Files. `f:<name>` is a hash: info, generation, parts; the bytes are in `g:<generation>:<n>`. Parts are sent before the
 * write that makes them the file, and end by themselves where that never comes.
 */
const LUA_PARTS = `
local function partKey(generation, n) return P .. ':g:' .. generation .. ':' .. n end
local function fileKey(name) return P .. ':f:' .. name end
`;

/** Those who read the old file have this long to fetch the rest of it. */
const OLD_FILE_MS = 60_000;

export const LUA_FILES = `${LUA_PARTS}
local function hasAllParts(file)
  for n = 0, file.parts - 1 do
    if call('EXISTS', partKey(file.generation, n)) == 0 then return false end
  end
  return true
end
local function replaceFile(file)
  local old = call('HMGET', fileKey(file.name), 'generation', 'parts')
  if old[1] then
    for n = 0, tonumber(old[2]) - 1 do call('PEXPIRE', partKey(old[1], n), ${OLD_FILE_MS}) end
  end
  for n = 0, file.parts - 1 do call('PERSIST', partKey(file.generation, n)) end
  call('HSET', fileKey(file.name), 'info', file.info, 'generation', file.generation, 'parts', file.parts)
end
`;

/** ARGV: names. Gives the info of each. */
export const DESCRIBE_SCRIPT = `${LUA_KEYS}${LUA_PARTS}
local answer = {}
for n, name in ipairs(ARGV) do answer[n] = call('HGET', fileKey(name), 'info') end
return answer
`;

/** ARGV: a name. Gives info, generation, how many parts, and the first part. */
export const OPEN_FILE_SCRIPT = `${LUA_KEYS}${LUA_PARTS}
local row = call('HMGET', fileKey(ARGV[1]), 'info', 'generation', 'parts')
if not row[1] then return {} end
return {row[1], row[2], row[3], call('GET', partKey(row[2], 0))}
`;
