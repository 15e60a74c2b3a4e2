import { AnomalyError } from '../../errors.ts';

/** Names that a directory, S3 and MLflow all take, and that a model URI can hold. */
const NAME = /^[^/:@\\\p{Cc}]{1,250}$/u;
const ALIAS = /^[A-Za-z0-9_-]{1,100}$/;

/** @throws ANM_USAGE for what cannot be the name of a model */
export function checkModelName(name: string): string {
  if (NAME.test(name) && name.trim() === name && !/^\.+$/.test(name)) return name;
  throw new AnomalyError('ANM_USAGE', `cannot use ${JSON.stringify(name)} as the name of a model`, {
    hint: 'give up to 250 characters without / : @ and backslash, and without spaces at its ends',
  });
}

/** MLflow's rules. @throws ANM_USAGE for what cannot be an alias */
export function checkAlias(alias: string): string {
  if (ALIAS.test(alias) && alias.toLowerCase() !== 'latest' && !/^v?\d+$/i.test(alias)) return alias;
  throw new AnomalyError('ANM_USAGE', `cannot use ${JSON.stringify(alias)} as an alias`, {
    hint: 'give letters, digits, dashes and underscores, as champion; neither latest nor what looks like a version',
  });
}

/** @throws ANM_USAGE for what is no number of a version */
export function checkVersion(version: string): string {
  if (/^[1-9]\d{0,8}$/.test(version)) return version;
  throw new AnomalyError('ANM_USAGE', `cannot use ${JSON.stringify(version)} as a version`, {
    hint: 'versions are whole numbers from 1 on: anomaly model show NAME lists them',
  });
}
