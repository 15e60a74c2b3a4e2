import { array, bool, bytes, float64, int8, int16, int32, int64, nullable, or, since, string } from './schema.ts';

/** Requests and responses of authentication, access control and quotas: advertised as Redpanda does, all switched off. */
const PATTERN_LITERAL = 3;

export const saslHandshakeRequest = { mechanism: string };
export const saslHandshakeResponse = { errorCode: int16, mechanisms: array(string) };

export const saslAuthenticateRequest = { authBytes: bytes };
export const saslAuthenticateResponse = {
  errorCode: int16,
  errorMessage: or(nullable(0, string), null),
  authBytes: bytes,
  sessionLifetimeMs: since(1, int64),
};

const aclFilter = {
  resourceTypeFilter: int8,
  resourceNameFilter: nullable(0, string),
  patternTypeFilter: since(1, int8, PATTERN_LITERAL),
  principalFilter: nullable(0, string),
  hostFilter: nullable(0, string),
  operation: int8,
  permissionType: int8,
};

export const describeAclsRequest = aclFilter;
export const describeAclsResponse = {
  throttleTimeMs: int32,
  errorCode: int16,
  errorMessage: or(nullable(0, string), null),
  resources: array({
    resourceType: int8,
    resourceName: string,
    patternType: since(1, int8, PATTERN_LITERAL),
    acls: array({ principal: string, host: string, operation: int8, permissionType: int8 }),
  }),
};

export const createAclsRequest = {
  creations: array({
    resourceType: int8,
    resourceName: string,
    resourcePatternType: since(1, int8, PATTERN_LITERAL),
    principal: string,
    host: string,
    operation: int8,
    permissionType: int8,
  }),
};
export const createAclsResponse = {
  throttleTimeMs: int32,
  results: array({ errorCode: int16, errorMessage: or(nullable(0, string), null) }),
};

export const deleteAclsRequest = { filters: array(aclFilter) };
export const deleteAclsResponse = {
  throttleTimeMs: int32,
  filterResults: array({
    errorCode: int16,
    errorMessage: or(nullable(0, string), null),
    matchingAcls: array({
      errorCode: int16,
      errorMessage: or(nullable(0, string), null),
      resourceType: int8,
      resourceName: string,
      patternType: since(1, int8, PATTERN_LITERAL),
      principal: string,
      host: string,
      operation: int8,
      permissionType: int8,
    }),
  }),
};

const quotaEntity = array({ entityType: string, entityName: or(nullable(0, string), null) });

export const describeClientQuotasRequest = {
  components: array({ entityType: string, matchType: int8, match: nullable(0, string) }),
  strict: bool,
};
export const describeClientQuotasResponse = {
  throttleTimeMs: int32,
  errorCode: int16,
  errorMessage: or(nullable(0, string), null),
  entries: nullable(0, array({ entity: quotaEntity, values: array({ key: string, value: float64 }) })),
};

export const alterClientQuotasRequest = {
  entries: array({ entity: quotaEntity, ops: array({ key: string, value: float64, remove: bool }) }),
  validateOnly: bool,
};
export const alterClientQuotasResponse = {
  throttleTimeMs: int32,
  entries: array({ errorCode: int16, errorMessage: or(nullable(0, string), null), entity: quotaEntity }),
};

export const describeUserScramCredentialsRequest = { users: nullable(0, array({ name: string })) };
export const describeUserScramCredentialsResponse = {
  throttleTimeMs: int32,
  errorCode: int16,
  errorMessage: or(nullable(0, string), null),
  results: array({
    user: string,
    errorCode: int16,
    errorMessage: or(nullable(0, string), null),
    credentialInfos: array({ mechanism: int8, iterations: int32 }),
  }),
};

export const alterUserScramCredentialsRequest = {
  deletions: array({ name: string, mechanism: int8 }),
  upsertions: array({ name: string, mechanism: int8, iterations: int32, salt: bytes, saltedPassword: bytes }),
};
export const alterUserScramCredentialsResponse = {
  throttleTimeMs: int32,
  results: array({ user: string, errorCode: int16, errorMessage: or(nullable(0, string), null) }),
};
