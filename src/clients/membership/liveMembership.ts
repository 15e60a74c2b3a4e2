import type { GroupMembership } from '../transactions.ts';
import type { GroupDriver } from './driver.ts';

/**
 * A member's proof for transactions. It follows the member through rebalances in which it keeps partitions; once all
 * that it held is given back or lost, it stays that of a member that has gone.
 */
export class LiveMembership implements GroupMembership {
  readonly groupId: string;
  readonly instanceId: string | null;
  readonly #driver: GroupDriver;
  readonly #tenure: number;
  #generation: number;
  #memberId: string;

  constructor(groupId: string, instanceId: string | null, driver: GroupDriver) {
    this.groupId = groupId;
    this.instanceId = instanceId;
    this.#driver = driver;
    this.#tenure = driver.machine.tenure;
    this.#generation = driver.machine.generation;
    this.#memberId = driver.machine.memberId;
  }

  get generation(): number {
    this.#follow();
    return this.#generation;
  }

  get memberId(): string {
    this.#follow();
    return this.#memberId;
  }

  rejoined(generation: number, errorCode: number): Promise<boolean> {
    return this.#driver.rejoined(this.#tenure, generation, errorCode);
  }

  #follow(): void {
    const { machine } = this.#driver;
    if (machine.tenure !== this.#tenure || machine.generation < 0) return;
    this.#generation = machine.generation;
    this.#memberId = machine.memberId;
  }
}
