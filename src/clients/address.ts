import { AnomalyError, withoutPassword } from '../errors.ts';

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** host:port, [v6]:port, or host alone with Kafka's usual port. */
export function parseAddress(text: string): BrokerAddress {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text.trim());
  const port = match?.[3] === undefined ? 9092 : Number(match[3]);
  if (match === null || port < 1 || port > 65_535) {
    throw new AnomalyError(
      'ANM_CONFIG',
      `cannot use broker address '${withoutPassword(text)}' as it is not host:port`,
      {
        hint: 'give --brokers localhost:9092',
      },
    );
  }
  return { host: match[1] ?? match[2]!, port };
}
