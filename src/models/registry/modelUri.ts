import { fileURLToPath } from 'node:url';
import { AnomalyError, withoutPassword } from '../../errors.ts';
import { checkAlias, checkModelName, checkVersion } from './modelName.ts';

/** What `score.model.uri` and the arguments of `anomaly model` name. */
export type ModelUri =
  | { readonly kind: 'alias'; readonly name: string; readonly alias: string }
  | { readonly kind: 'version'; readonly name: string; readonly version: string }
  | { readonly kind: 'file'; readonly path: string }
  /** A server of the Open Inference Protocol, TensorFlow Serving's REST, or any HTTP endpoint. */
  | { readonly kind: 'remote'; readonly protocol: 'oip' | 'tfs' | 'http'; readonly url: string };

/**
 * `models:/NAME@ALIAS` and `models:/NAME/VERSION`, as MLflow writes them; a path or a file: URL; `oip+http://HOST/MODEL`,
 * `tfs+http://HOST/MODEL` (each with https too), `http://...`.
 *
 * @throws ANM_USAGE for what is none of them
 */
export function parseModelUri(text: string): ModelUri {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(text)?.[1]?.toLowerCase();
  switch (scheme) {
    case undefined:
      return { kind: 'file', path: text };
    case 'file':
      return { kind: 'file', path: filePath(text) };
    case 'models':
      return registered(text);
    case 'http':
    case 'https':
      return { kind: 'remote', protocol: 'http', url: text };
    case 'oip+http':
    case 'oip+https':
    case 'tfs+http':
    case 'tfs+https':
      return { kind: 'remote', protocol: scheme.startsWith('oip') ? 'oip' : 'tfs', url: text.slice(4) };
    default:
      throw new AnomalyError(
        'ANM_USAGE',
        `cannot use ${withoutPassword(text)} as a model as there is no scheme ${scheme}:`,
        {
          hint: 'one of models:/NAME@ALIAS, models:/NAME/VERSION, a file, oip+http://HOST/MODEL, tfs+http://HOST/MODEL, http://...',
        },
      );
  }
}

/** As messages have it: an address without user, password and the values of its query. */
export function shownModelUri(text: string): string {
  if (!/^(?:(?:oip|tfs)\+)?https?:/i.test(text)) return text;
  return text.replace(/^([^/]*\/\/)[^/?#]*@/, '$1').replace(/\?.*$/s, '?...');
}

/** NAME@ALIAS or NAME/VERSION, as the arguments of `anomaly model` have it; NAME alone is undefined. */
export function parseModelReference(text: string): Extract<ModelUri, { kind: 'alias' | 'version' }> | undefined {
  const bare = text.replace(/^models:\/*/i, '');
  const match = /^([^@/]*)(?:@(.*)|\/(.*))$/s.exec(bare);
  if (match === null) return undefined;
  const [, name = '', alias, version = ''] = match;
  return alias === undefined
    ? { kind: 'version', name: checkModelName(name), version: checkVersion(version) }
    : { kind: 'alias', name: checkModelName(name), alias: checkAlias(alias) };
}

function registered(text: string): ModelUri {
  const found = parseModelReference(text);
  if (found !== undefined) return found;
  throw new AnomalyError('ANM_USAGE', `cannot use ${text} as a model as it names neither an alias nor a version`, {
    hint: 'as models:/NAME@champion or models:/NAME/3',
  });
}

function filePath(text: string): string {
  if (!/^file:\/\//i.test(text)) return text.replace(/^file:/i, '');
  try {
    return fileURLToPath(text);
  } catch {
    // file://models/pump.onnx means models/pump.onnx to most who write it.
    return text.replace(/^file:\/\//i, '');
  }
}
