export interface BrokerSettings {
  /** auto_create_topics_enabled: a topic is made on first use, where the client's request allows it. */
  readonly autoCreate: boolean;
  readonly defaultPartitions: number;
  readonly rebalanceDelayMs: number;
  /** group_min_session_timeout_ms and group_max_session_timeout_ms. */
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  /** transaction_max_timeout_ms and transactional_id_expiration_ms. */
  readonly maxTransactionTimeoutMs: number;
  readonly transactionalIdExpirationMs: number;
}
