import type { SettingRow } from './settingRow.ts';

/** How the store of the checkpoints is reached. */
export const STORE_KEYS: readonly SettingRow[] = [
  {
    key: 'checkpoint.request_timeout',
    type: 'duration',
    default: '30s',
    min: 1,
    doc: 'time for one request of the checkpoint store, or for each 8 MiB of a larger one',
  },
  {
    key: 'checkpoint.retry_timeout',
    type: 'duration',
    default: '10s',
    min: 0,
    doc: 'how long a passing failure of the checkpoint store is tried again',
  },
  {
    key: 'checkpoint.s3.endpoint',
    type: 'string',
    defaultText: '$AWS_ENDPOINT_URL_S3, $AWS_ENDPOINT_URL, or AWS',
    doc: 'address of an S3 service, as http://minio:9000',
  },
  {
    key: 'checkpoint.s3.region',
    type: 'string',
    defaultText: '$AWS_REGION, $AWS_DEFAULT_REGION, or what the bucket says',
    doc: 'region of the bucket',
  },
  {
    key: 'checkpoint.s3.path_style',
    type: 'boolean',
    default: 'true',
    doc: 'the bucket in the path, not in the host name; AWS itself takes the host name all the same',
  },
  {
    key: 'checkpoint.s3.access_key_id',
    type: 'string',
    defaultText: '$AWS_ACCESS_KEY_ID, or of the profile',
    doc: 'id of the access key for S3',
  },
  {
    key: 'checkpoint.s3.secret_access_key',
    type: 'secret',
    defaultText: '$AWS_SECRET_ACCESS_KEY, or of the profile',
    doc: 'its secret; in files and flags as file:PATH or env:NAME',
  },
  {
    key: 'checkpoint.s3.session_token',
    type: 'secret',
    defaultText: '$AWS_SESSION_TOKEN, or of the profile',
    doc: 'session token of temporary credentials',
  },
  {
    key: 'checkpoint.s3.profile',
    type: 'string',
    defaultText: '$AWS_PROFILE, or default',
    doc: 'profile of the credentials file, where no keys are given otherwise',
  },
  {
    key: 'checkpoint.s3.credentials_file',
    type: 'string',
    defaultText: '$AWS_SHARED_CREDENTIALS_FILE, or ~/.aws/credentials',
    doc: 'credentials file of AWS tools',
  },
  {
    key: 'checkpoint.s3.ca',
    type: 'string',
    defaultText: '$AWS_CA_BUNDLE',
    doc: 'file with the certificate authority of the S3 service, PEM',
  },
  {
    key: 'checkpoint.webhdfs.user',
    type: 'string',
    defaultText: '$HADOOP_USER_NAME, or the user of this process',
    doc: 'user for WebHDFS, where webhdfs: names none',
  },
  {
    key: 'checkpoint.webhdfs.token',
    type: 'secret',
    defaultText: '$HADOOP_TOKEN',
    doc: 'delegation token for WebHDFS, in place of a user',
  },
];
