/** The one error class and the one table of codes, for all rooms. */
export { AnomalyError, type ErrorOptions, isAnomalyError, withoutPassword } from './errors/anomalyError.ts';
export type { ErrorEntry } from './errors/errorEntry.ts';
export { ERROR_TABLE, type ErrorCode } from './errors/errorTable.ts';
