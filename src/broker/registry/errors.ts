/** A failure as the registry answers it: the HTTP status and the body {error_code, message}. */
export class RegistryError extends Error {
  readonly status: number;
  readonly errorCode: number;

  constructor(errorCode: number, message: string) {
    super(message);
    this.name = 'RegistryError';
    this.errorCode = errorCode;
    // Codes carry the HTTP status in their first three digits: 40401 is a 404.
    this.status = errorCode < 1000 ? errorCode : Math.floor(errorCode / 100);
  }
}

/** Redpanda's codes, as the table that maps its failures to replies has them. */
export const REGISTRY_ERRORS = {
  notFound: 404,
  methodNotAllowed: 405,
  incompatible: 409,
  tooLarge: 413,
  mediaType: 415,
  invalidSchema: 422,
  subjectMissing: 40401,
  versionMissing: 40402,
  schemaMissing: 40403,
  subjectSoftDeleted: 40404,
  subjectNotDeleted: 40405,
  versionSoftDeleted: 40406,
  versionNotDeleted: 40407,
  compatibilityMissing: 40408,
  modeMissing: 40409,
  emptySchema: 42201,
  invalidVersion: 42202,
  invalidLevel: 42203,
  invalidMode: 42204,
  notPermitted: 42205,
  referenced: 42206,
  idTaken: 42207,
  /** Own: Redpanda compares all of JSON Schema, so that it never has to say that it cannot. */
  incomparable: 42290,
  internal: 500,
} as const;

const CODES = REGISTRY_ERRORS;

/** Failures that several places answer, in Redpanda's words where clients are known to search them. */
export const failures = {
  subjectMissing: (subject: string) => new RegistryError(CODES.subjectMissing, `Subject '${subject}' not found.`),
  versionMissing: (version: number | string) =>
    new RegistryError(CODES.versionMissing, `Version ${version} not found.`),
  schemaMissing: (id: number) => new RegistryError(CODES.schemaMissing, `Schema ${id} not found`),
  emptySchema: () => new RegistryError(CODES.emptySchema, 'Empty schema'),
  readOnly: (subject: string | null) =>
    new RegistryError(
      CODES.notPermitted,
      `${subject === null ? 'The registry' : `Subject ${subject}`} is in read-only mode`,
    ),
  referenced: (subject: string, version: number) =>
    new RegistryError(
      CODES.referenced,
      `One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=${subject},version=${version}}`,
    ),
  invalidVersion: (text: string) =>
    new RegistryError(
      CODES.invalidVersion,
      `The specified version '${text}' is not a valid version id. Allowed values are between [1, 2^31-1] and the ` +
        'string "latest"',
    ),
};
