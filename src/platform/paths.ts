import { homedir } from 'node:os';
import { join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** Directory of the user's configuration of this tool: $XDG_CONFIG_HOME/anomaly. */
export function configDirectory(env: Environment): string {
  return join(absolute(env['XDG_CONFIG_HOME']) ?? join(home(env), '.config'), 'anomaly');
}

/** Directory of what a run leaves on this machine (snapshots, logs): $XDG_STATE_HOME/anomaly. */
export function stateDirectory(env: Environment): string {
  return join(absolute(env['XDG_STATE_HOME']) ?? join(home(env), '.local', 'state'), 'anomaly');
}

/** Directory of what the user keeps (models): $XDG_DATA_HOME/anomaly. */
export function dataDirectory(env: Environment): string {
  return join(absolute(env['XDG_DATA_HOME']) ?? join(home(env), '.local', 'share'), 'anomaly');
}

/** Directory of what can be had again (downloads): $XDG_CACHE_HOME/anomaly. */
export function cacheDirectory(env: Environment): string {
  return join(absolute(env['XDG_CACHE_HOME']) ?? join(home(env), '.cache'), 'anomaly');
}

/** Where rpk keeps rpk.yaml: Go's os.UserConfigDir() and rpk/. */
export function rpkFile(env: Environment, platform: NodeJS.Platform = process.platform): string {
  if (platform === 'darwin') return join(home(env), 'Library', 'Application Support', 'rpk', 'rpk.yaml');
  if (platform === 'win32') return join(env['AppData'] ?? env['APPDATA'] ?? home(env), 'rpk', 'rpk.yaml');
  return join(absolute(env['XDG_CONFIG_HOME']) ?? join(home(env), '.config'), 'rpk', 'rpk.yaml');
}

/** The XDG specification has relative paths ignored. */
function absolute(path: string | undefined): string | undefined {
  return path?.startsWith('/') ? path : undefined;
}

function home(env: Environment): string {
  return env['HOME'] ?? homedir();
}
