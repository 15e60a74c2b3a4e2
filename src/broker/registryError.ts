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
  incompatible: 409,
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
  internal: 500,
} as const;
