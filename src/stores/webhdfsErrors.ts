import type { HttpReply } from './httpCall.ts';
import type { StoreFault } from './storeErrors.ts';

/** The RemoteException of an answer, as WebHDFS and HttpFS give it. */
export interface RemoteException {
  readonly exception: string;
  readonly message: string;
}

export function remoteException({ body }: HttpReply): RemoteException | undefined {
  try {
    const remote = (JSON.parse(body.toString()) as { RemoteException?: RemoteException }).RemoteException;
    return typeof remote?.exception === 'string'
      ? { exception: remote.exception, message: remote.message ?? '' }
      : undefined;
  } catch {
    // A proxy before it answers in words of its own.
    return undefined;
  }
}

/** Why an answer is a failure, and what to try. `user` as whom it was asked. */
export function webhdfsFault(reply: HttpReply, host: string, user: string): StoreFault {
  const remote = remoteException(reply);
  const message = firstLine(remote?.message ?? reply.body.toString('utf8', 0, 200));
  const said = remote === undefined ? `HTTP ${reply.status} ${message}`.trim() : `${remote.exception}: ${message}`;
  const { exception } = remote ?? { exception: '' };
  const text = `${exception} ${message}`;
  if (/safe mode/i.test(text)) {
    return {
      code: 'ANM_STORE_DENIED',
      reason: `HDFS at ${host} is in safe mode, and read-only: ${said}`,
      hint: 'wait for the DataNodes, or end it with hdfs dfsadmin -safemode leave',
    };
  }
  if (/QuotaExceeded/.test(exception))
    return { code: 'ANM_STORE_FULL', reason: `the quota of the directory is used up: ${said}` };
  if (/could only be (written|replicated) to|No space left|out of space/i.test(message)) {
    return { code: 'ANM_STORE_FULL', reason: `no DataNode of ${host} has room, or none runs: ${said}` };
  }
  if (/StandbyException|RetriableException/.test(text)) {
    return {
      code: 'ANM_STORE_UNREACHABLE',
      reason: `${host} is a standby NameNode, or is just starting: ${said}`,
      hint: 'name the active NameNode in checkpoint.store',
    };
  }
  if (isNotDirectory(remote)) {
    return { code: 'ANM_STORE_MISSING', reason: `a part of the path is no directory: ${said}` };
  }
  if (
    reply.status === 401 ||
    reply.status === 403 ||
    /AccessControl|Security|InvalidToken|Authentication/.test(exception)
  ) {
    return {
      code: 'ANM_STORE_DENIED',
      reason: `${host} refuses user ${user}: ${said}`,
      hint: 'set checkpoint.webhdfs.user or HADOOP_USER_NAME, or checkpoint.webhdfs.token on a cluster with Kerberos',
    };
  }
  if (reply.status === 404 && remote === undefined) {
    return {
      code: 'ANM_STORE_MISSING',
      reason: `${host} has no WebHDFS: ${said}`,
      hint: 'the port is the one of HTTP, as 9870, with dfs.webhdfs.enabled',
    };
  }
  if (exception === 'FileNotFoundException') return { code: 'ANM_STORE_MISSING', reason: `it is gone: ${said}` };
  if (reply.status >= 500 || reply.status === 429 || reply.status === 408 || exception === 'IOException') {
    return { code: 'ANM_STORE_UNREACHABLE', reason: `${host} is not able to at the moment: ${said}` };
  }
  return {
    code: 'ANM_PROTOCOL',
    reason: `${host} answers ${said}`,
    hint: 'the answer is of the store; see its documentation',
  };
}

/** HDFS calls it a question of rights. */
export function isNotDirectory(remote: RemoteException | undefined): boolean {
  return remote !== undefined && /NotDirectory|is not a directory/i.test(`${remote.exception} ${remote.message}`);
}

/** Remote messages may carry a stack. */
function firstLine(text: string): string {
  return text.split('\n')[0]!.slice(0, 300);
}
