import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import kafkajs, { type Admin } from 'kafkajs';
import { codeOf, EXIT, reasonOf, UserError } from '../errors.js';
import { lz4Size } from './lz4.js';
import { unpackSnappy } from './snappy.js';
import { settingsOf } from './topic-settings.js';
import { REMEDY, TooLargeError, UnreadableBatchError } from './unreadable.js';
import { unpackZstd } from './zstd.js';

/** Most bytes that one batch may unpack to. Producers bound theirs long before; a bomb of a few kilobytes does not. */
const MAX_BATCH_BYTES = 64 * 1024 * 1024;

type Lz4 = Pick<typeof import('lz4-napi'), 'compressFrame' | 'decompressFrame'>;

interface Codec {
  readonly name: string;
  readonly unpack: (bytes: Buffer, limit: number) => Promise<Buffer> | Buffer;
  /** dbw packs nothing itself; where a library can, a producer of this process may. */
  readonly pack?: (bytes: Buffer) => Promise<Buffer>;
}

/** Why a codec cannot be used here, by the name that `compression.type` gives it. */
const problems = new Map<string, string>();

const READABLE = ['uncompressed', 'producer', 'gzip', 'snappy', 'lz4', 'zstd'];

/** kafkajs' form of a codec, with a limit and with errors that say what happened. */
function limited({ name, unpack, pack }: Codec, limit: number) {
  return {
    async compress(encoder: { readonly buffer: Buffer }): Promise<Buffer> {
      if (!pack) throw new Error(`Messages cannot be compressed with ${name} here: send them uncompressed.`);
      return pack(encoder.buffer);
    },
    async decompress(bytes: Buffer): Promise<Buffer> {
      try {
        return await unpack(bytes, limit);
      } catch (error) {
        if (error instanceof UnreadableBatchError) throw error;
        const isTooLarge = error instanceof TooLargeError || codeOf(error) === 'ERR_BUFFER_TOO_LARGE';
        const why = isTooLarge ? new TooLargeError(limit).message : `its bytes are damaged (${reasonOf(error)})`;
        throw new UnreadableBatchError(name, why, REMEDY);
      }
    },
  };
}

function lz4Codec(lz4: Lz4 | undefined): Codec {
  const name = 'lz4';
  if (!lz4) {
    const unpack = () => {
      throw new UnreadableBatchError(name, problems.get(name) ?? 'its library is missing', LZ4_REMEDY);
    };
    return { name, unpack };
  }
  return {
    name,
    unpack: (bytes, limit) => {
      if (lz4Size(bytes, limit) > limit) throw new TooLargeError(limit);
      return lz4.decompressFrame(bytes);
    },
    pack: (bytes) => lz4.compressFrame(bytes),
  };
}

const LZ4_REMEDY = 'Install dbw with its optional packages for this platform, or let producers use another codec';

/**
 * Teaches kafkajs to read every codec that Kafka knows, each within a bound of memory. Needed once before anything is
 * consumed; again does no harm.
 *
 * @param limit most bytes that one batch may unpack to
 * @param loadLz4 brings the one library with native code, which not every platform has
 */
export async function registerCodecs(
  limit = MAX_BATCH_BYTES,
  loadLz4: () => Promise<Lz4> = () => import('lz4-napi'),
): Promise<void> {
  problems.delete('lz4');
  let lz4: Lz4 | undefined;
  try {
    lz4 = await loadLz4();
  } catch (error) {
    // The rest of the message is a list of files that were tried.
    const [reason] = reasonOf(error).split('\n');
    const where = `${process.platform} ${process.arch}`;
    problems.set('lz4', `the library for it does not load on this platform (${where}: ${reason ?? 'unknown'})`);
  }
  const { CompressionCodecs: codecs, CompressionTypes: types } = kafkajs;
  const register = (type: Exclude<kafkajs.CompressionTypes, kafkajs.CompressionTypes.None>, codec: Codec) => {
    const known = limited(codec, limit);
    codecs[type] = () => known;
  };
  register(types.GZIP, {
    name: 'gzip',
    unpack: (bytes, maxOutputLength) => promisify(gunzip)(bytes, { maxOutputLength }),
    pack: (bytes) => promisify(gzip)(bytes),
  });
  register(types.Snappy, { name: 'snappy', unpack: unpackSnappy });
  register(types.LZ4, lz4Codec(lz4));
  register(types.ZSTD, { name: 'zstd', unpack: unpackZstd });
}

/**
 * Why batches of a topic cannot be read here, or undefined where they can. Asked after `registerCodecs`.
 *
 * @param compressionType the topic's `compression.type`; with `producer` any codec may come, and is met when it does
 */
export function codecProblem(compressionType: string): string | undefined {
  if (!READABLE.includes(compressionType)) return 'no codec of this name is known to this version of dbw';
  return problems.get(compressionType);
}

/**
 * Refuses topics whose broker compresses with what cannot be read here.
 *
 * @throws UserError naming each topic, its codec and the remedy
 */
export async function refuseUnreadable(admin: Admin, topics: readonly string[]): Promise<void> {
  const refused = [...(await settingsOf(admin, topics))].flatMap(([topic, settings]) => {
    const type = settings.get('compression.type')?.value ?? 'producer';
    const problem = codecProblem(type);
    return problem === undefined ? [] : [`${topic} (compression.type=${type}): ${problem}`];
  });
  if (refused.length === 0) return;
  const remedy = 'Run dbw where the codec is available; another compression.type helps for new batches only';
  throw new UserError(`Topics that cannot be read: ${refused.join('; ')}. ${remedy}.`, EXIT.refused);
}
